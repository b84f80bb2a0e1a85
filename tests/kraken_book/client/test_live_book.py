"""A live book: its levels and its status after each event."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_book.client.live_book import LiveBook
from kraken_book.errors import BookInvalid
from kraken_book.event import Event, Lagged, Snapshot, StatusChange, Update, decode_event
from lab.written_books import SYMBOL, snapshot, status, update
from lab.written_books import Event as Written

EPOCH = 7


def event(written: Written, epoch: int = EPOCH) -> Event:
    return decode_event(written.entry(epoch).data)


def changed(written: Written, **members: object) -> Event:
    """Return an event with other members than the collector's."""
    document = msgspec.json.decode(written.entry(EPOCH).data) | members
    return decode_event(msgspec.json.encode(document))


def book_of(*events: Event | Written) -> LiveBook:
    book = LiveBook(SYMBOL)
    for each in events:
        book.apply(event(each) if isinstance(each, Written) else each)
    return book


def api_status(word: str) -> StatusChange:
    return StatusChange(SYMBOL, None, None, word, "age", "now")  # type: ignore[arg-type]


LAGGED = Lagged(SYMBOL, 3, "slow")


def shows(book: LiveBook, seq: int) -> bool:
    """Return whether the book has the scripted levels of `seq`, with that many lots as best bid."""
    bids = [(level.price, level.lots) for level in book.bids]
    asks = [level.price for level in book.asks]
    return bids == [("100.0", seq), ("99.0", 100_000_000)] and asks == ["101.0", "102.5"]


def test_book_is_empty_before_the_first_snapshot() -> None:
    book = LiveBook(SYMBOL)
    assert (book.status, book.reason) == ("syncing", "no book yet")
    assert (book.best_bid, book.best_ask, book.spread, book.seq, book.age) == (None,) * 5
    assert book.bids == book.asks == []


def test_snapshot_and_updates_make_a_live_book() -> None:
    book = book_of(snapshot(3), update(4), update(5))
    assert shows(book, 5)
    assert book.is_live
    assert (book.epoch, book.seq, book.spread, book.source) == (EPOCH, 5, "1.0", "simulated")
    assert book.counts.verified == 3
    assert repr(book) == "<LiveBook BTC/USD 100.0/101.0 seq 5 live>"


INVALID = {
    "checksum": changed(update(5), checksum=1),
    "gap": event(update(6)),
    "level": changed(update(5), bids=[["100.05", "1.00000000"]]),
    "unverified": changed(update(5), checksum=None),
}


@pytest.mark.parametrize("reason", ["checksum", "gap", "level", "unverified"])
def test_invalid_event_drops_the_book_until_a_snapshot(reason: str) -> None:
    book = book_of(snapshot(3), update(4))
    with pytest.raises(BookInvalid) as caught:
        book.apply(INVALID[reason])
    assert caught.value.reason == reason
    assert (book.status, book.reason) == ("syncing", reason)
    assert book.bids == book.asks == []
    assert isinstance(book.event, StatusChange)
    assert book.event.reason == reason
    assert not book.apply(event(update(7))), "updates of a dropped book are ignored"
    assert book.apply(event(snapshot(9)))
    assert book.is_live
    assert shows(book, 9)


def test_crossed_book_is_dropped_even_with_the_right_checksum() -> None:
    document = msgspec.json.decode(snapshot(5).entry(EPOCH).data)
    document["bids"] = [["101.0", "2.00000000"]]
    whole = decode_event(msgspec.json.encode(document))
    assert isinstance(whole, Snapshot)
    probe = LiveBook(SYMBOL)
    with pytest.raises(BookInvalid, match="checksum") as caught:
        probe.apply(whole)
    right = int(str(caught.value).rsplit(maxsplit=1)[-1])
    with pytest.raises(BookInvalid) as crossed:
        book_of(changed(snapshot(5), bids=[["101.0", "2.00000000"]], checksum=right))
    assert crossed.value.reason == "crossed"


@pytest.mark.parametrize(
    "members", [{"depth": 10**9}, {"price_precision": 10**9}, {"qty_precision": -1}]
)
def test_snapshot_of_an_impossible_book_is_invalid(members: dict[str, int]) -> None:
    with pytest.raises(BookInvalid):
        book_of(changed(snapshot(3), **members))


def test_repeated_events_change_nothing() -> None:
    book = book_of(snapshot(3), update(4), update(5))
    for again in (snapshot(3), update(4), update(5), status(5)):
        assert not book.apply(event(again))
    assert not book.apply(event(snapshot(99), epoch=EPOCH - 1)), (
        "an event of an older epoch changes nothing"
    )
    assert shows(book, 5)
    assert book.counts.repeated == 5


def test_update_before_a_snapshot_or_of_a_new_epoch_is_a_gap() -> None:
    with pytest.raises(BookInvalid, match="before a snapshot"):
        book_of(update(1))
    book = book_of(snapshot(3))
    with pytest.raises(BookInvalid) as caught:
        book.apply(event(update(4), epoch=EPOCH + 1))
    assert caught.value.reason == "gap"


def test_conflated_events_are_counted_if_the_snapshot_has_their_number() -> None:
    book = book_of(snapshot(3), changed(snapshot(8), conflated=4), snapshot(20))
    assert shows(book, 20)
    assert book.counts.conflated == 4


def test_missed_events_end_with_a_snapshot_at_any_position() -> None:
    book = book_of(snapshot(3), update(4), LAGGED)
    assert (book.status, book.reason) == ("syncing", "lagged")
    assert (book.counts.lagged, book.counts.missed) == (1, 3)
    with pytest.raises(BookInvalid):
        book_of(snapshot(3), LAGGED, update(4))
    assert book.apply(event(snapshot(2)))
    assert book.is_live
    assert shows(book, 2)


def test_collector_status_ends_only_with_a_snapshot() -> None:
    book = book_of(snapshot(3), status(4, "syncing"))
    assert book.status == "syncing"
    assert shows(book, 3), "the last known levels are kept"
    book.apply(event(status(5, "live")))
    assert not book.is_live
    book.apply(event(snapshot(6)))
    assert book.is_live


def test_live_status_of_a_new_leader_does_not_confirm_the_old_book() -> None:
    book = book_of(snapshot(3))
    book.apply(event(status(9, "live"), epoch=EPOCH + 1))
    assert not book.is_live
    book.apply(event(snapshot(10), epoch=EPOCH + 1))
    assert book.is_live


def test_status_after_a_gap_is_invalid() -> None:
    with pytest.raises(BookInvalid):
        book_of(snapshot(3), status(5))


def test_api_status_ends_with_another_status_or_with_the_stream() -> None:
    book = book_of(snapshot(3), api_status("stale"), update(4))
    assert (book.status, book.reason) == ("stale", "age")
    book.apply(api_status("live"))
    assert book.is_live
    book.apply(api_status("stale"))
    book.disconnect()
    assert (book.status, book.reason) == ("stale", "disconnected")
    book.connect()
    assert book.is_live


def test_snapshot_ends_syncing_but_not_stale_of_the_api() -> None:
    book = book_of(api_status("syncing"), snapshot(3))
    assert book.is_live
    book.apply(api_status("stale"))
    book.apply(event(snapshot(4)))
    assert book.status == "stale", "only the api ends its status stale"


def test_new_stream_begins_with_a_snapshot_at_any_position() -> None:
    book = book_of(snapshot(30), update(31))
    book.begin()
    assert (book.status, book.reason) == ("syncing", "no book yet")
    book.apply(event(snapshot(30)))
    book.apply(event(update(31)))
    assert book.is_live
    assert shows(book, 31)


EVENTS = st.lists(
    st.one_of(
        st.builds(snapshot, st.integers(1, 12)),
        st.builds(update, st.integers(1, 12)),
        st.builds(status, st.integers(1, 12), st.sampled_from(["live", "syncing"])),
        st.just(None),
    ),
    max_size=30,
)


@given(EVENTS, st.lists(st.integers(6, 8), min_size=30, max_size=30))
def test_live_book_after_random_events_has_the_levels_of_its_seq(
    events: list[Written | None], epochs: list[int]
) -> None:
    book = LiveBook(SYMBOL)
    for each, epoch in zip(events, epochs, strict=False):
        received = LAGGED if each is None else event(each, epoch)
        try:
            book.apply(received)
        except BookInvalid:
            assert not book.is_live
        if book.is_live:
            assert book.seq is not None
            last = book.event
            is_status = isinstance(last, StatusChange)
            assert is_status or isinstance(last, Update | Snapshot)
            assert is_status or shows(book, book.seq)


def test_snapshot_or_update_ends_syncing_of_the_api() -> None:
    assert book_of(api_status("syncing")).status == "syncing"
    assert book_of(api_status("syncing"), snapshot(3)).is_live
    assert not book_of(snapshot(3), api_status("syncing")).is_live
    assert book_of(snapshot(3), api_status("syncing"), update(4)).is_live


def test_book_that_is_opened_again_after_lagged_is_stale_only_if_the_api_says_so_again() -> None:
    book = book_of(snapshot(3), api_status("stale"), LAGGED)
    assert (book.status, book.reason) == ("syncing", "lagged")
    book.apply(event(snapshot(5)))
    assert book.is_live
    book.apply(api_status("stale"))
    assert book.status == "stale"


def test_update_does_not_end_stale_of_the_api() -> None:
    book = book_of(snapshot(3), api_status("stale"), update(4), snapshot(5))
    assert book.status == "stale"


def test_repr_of_a_hostile_symbol_and_reason_is_printable() -> None:
    book = LiveBook("\x1b[2J\u202e")
    book.apply(StatusChange(book.symbol, 1, EPOCH, "syncing", "\x9b\n", "now"))
    assert repr(book).isprintable()
