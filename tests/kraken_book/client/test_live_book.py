"""A book rebuilt from events: right, or not there."""

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
    """An event with other members than a collector's."""
    told = msgspec.json.decode(written.entry(EPOCH).data) | members
    return decode_event(msgspec.json.encode(told))


def book_of(*events: Event | Written) -> LiveBook:
    book = LiveBook(SYMBOL)
    for each in events:
        book.apply(event(each) if isinstance(each, Written) else each)
    return book


def of_api(word: str) -> StatusChange:
    return StatusChange(SYMBOL, None, None, word, "age", "now")  # type: ignore[arg-type]


LAGGED = Lagged(SYMBOL, 3, "slow")


def shows(book: LiveBook, seq: int) -> bool:
    """Whether it has the levels of the collector's book of `seq`: so many lots at the best bid."""
    bids = [(level.price, level.lots) for level in book.bids]
    asks = [level.price for level in book.asks]
    return bids == [("100.0", seq), ("99.0", 100_000_000)] and asks == ["101.0", "102.5"]


def test_before_the_first_snapshot_there_is_no_book() -> None:
    book = LiveBook(SYMBOL)
    assert (book.status, book.reason) == ("syncing", "no book yet")
    assert (book.best_bid, book.best_ask, book.spread, book.seq, book.age) == (None,) * 5
    assert book.bids == book.asks == []


def test_a_snapshot_and_its_updates_are_the_book() -> None:
    book = book_of(snapshot(3), update(4), update(5))
    assert shows(book, 5)
    assert book.is_live
    assert (book.epoch, book.seq, book.spread, book.source) == (EPOCH, 5, "1.0", "simulated")
    assert book.counts.verified == 3
    assert repr(book) == "<LiveBook BTC/USD 100.0/101.0 seq 5 live>"


LIES = {
    "checksum": changed(update(5), checksum=1),
    "gap": event(update(6)),
    "level": changed(update(5), bids=[["100.05", "1.00000000"]]),
    "unverified": changed(update(5), checksum=None),
}


@pytest.mark.parametrize("reason", ["checksum", "gap", "level", "unverified"])
def test_a_book_that_cannot_be_right_is_gone_until_a_snapshot_comes(reason: str) -> None:
    book = book_of(snapshot(3), update(4))
    with pytest.raises(BookInvalid) as caught:
        book.apply(LIES[reason])
    assert caught.value.reason == reason
    assert (book.status, book.reason) == ("syncing", reason)
    assert book.bids == book.asks == []
    assert isinstance(book.event, StatusChange)
    assert book.event.reason == reason
    assert not book.apply(event(update(7))), "what follows is of a book that is not there"
    assert book.apply(event(snapshot(9)))
    assert book.is_live
    assert shows(book, 9)


def test_a_crossed_book_is_gone_though_its_checksum_is_right() -> None:
    told = msgspec.json.decode(snapshot(5).entry(EPOCH).data)
    told["bids"] = [["101.0", "2.00000000"]]
    whole = decode_event(msgspec.json.encode(told))
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
def test_a_snapshot_of_no_possible_book_is_a_doubt(members: dict[str, int]) -> None:
    with pytest.raises(BookInvalid):
        book_of(changed(snapshot(3), **members))


def test_what_comes_again_changes_nothing() -> None:
    book = book_of(snapshot(3), update(4), update(5))
    for again in (snapshot(3), update(4), update(5), status(5)):
        assert not book.apply(event(again))
    assert not book.apply(event(snapshot(99), epoch=EPOCH - 1)), "nor what an old leader said"
    assert shows(book, 5)
    assert book.counts.repeated == 5


def test_an_update_before_a_snapshot_and_one_of_a_new_epoch_are_gaps() -> None:
    with pytest.raises(BookInvalid, match="before a snapshot"):
        book_of(update(1))
    book = book_of(snapshot(3))
    with pytest.raises(BookInvalid) as caught:
        book.apply(event(update(4), epoch=EPOCH + 1))
    assert caught.value.reason == "gap"


def test_a_jump_at_a_snapshot_is_counted_where_the_collector_counts_it() -> None:
    book = book_of(snapshot(3), changed(snapshot(8), conflated=4), snapshot(20))
    assert shows(book, 20)
    assert book.counts.conflated == 4


def test_who_missed_events_has_no_live_book_until_the_snapshot_wherever_it_stands() -> None:
    book = book_of(snapshot(3), update(4), LAGGED)
    assert (book.status, book.reason) == ("syncing", "lagged")
    assert (book.counts.lagged, book.counts.missed) == (1, 3)
    with pytest.raises(BookInvalid):
        book_of(snapshot(3), LAGGED, update(4))
    assert book.apply(event(snapshot(2)))
    assert book.is_live
    assert shows(book, 2)


def test_a_status_of_the_collector_ends_with_a_snapshot_only() -> None:
    book = book_of(snapshot(3), status(4, "syncing"))
    assert book.status == "syncing"
    assert shows(book, 3), "the last known book, which says that it is not live"
    book.apply(event(status(5, "live")))
    assert not book.is_live
    book.apply(event(snapshot(6)))
    assert book.is_live


def test_a_status_of_a_new_leader_is_no_word_for_the_old_book() -> None:
    book = book_of(snapshot(3))
    book.apply(event(status(9, "live"), epoch=EPOCH + 1))
    assert not book.is_live
    book.apply(event(snapshot(10), epoch=EPOCH + 1))
    assert book.is_live


def test_a_status_that_jumps_is_a_gap() -> None:
    with pytest.raises(BookInvalid):
        book_of(snapshot(3), status(5))


def test_what_the_api_says_of_its_own_ends_by_its_own_word_or_with_its_stream() -> None:
    book = book_of(snapshot(3), of_api("stale"), update(4))
    assert (book.status, book.reason) == ("stale", "age")
    book.apply(of_api("live"))
    assert book.is_live
    book.apply(of_api("stale"))
    book.disconnect()
    assert (book.status, book.reason) == ("stale", "disconnected")
    book.connect()
    assert book.is_live


def test_snapshot_ends_what_the_api_said_of_a_book_that_was_not_there() -> None:
    book = book_of(of_api("syncing"), snapshot(3))
    assert book.is_live
    book.apply(of_api("stale"))
    book.apply(event(snapshot(4)))
    assert book.status == "stale", "the api says itself when a book is confirmed again"


def test_a_fresh_stream_opens_with_a_snapshot_wherever_it_stands() -> None:
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
def test_whatever_comes_in_whatever_order_a_live_book_is_the_one_of_its_seq(
    events: list[Written | None], epochs: list[int]
) -> None:
    book = LiveBook(SYMBOL)
    for each, epoch in zip(events, epochs, strict=False):
        told = LAGGED if each is None else event(each, epoch)
        try:
            book.apply(told)
        except BookInvalid:
            assert not book.is_live
        if book.is_live:
            assert book.seq is not None
            last = book.event
            is_status = isinstance(last, StatusChange)
            assert is_status or isinstance(last, Update | Snapshot)
            assert is_status or shows(book, book.seq)


def test_snapshot_or_update_ends_the_apis_word_that_there_is_no_book_yet() -> None:
    assert book_of(of_api("syncing")).status == "syncing"
    assert book_of(of_api("syncing"), snapshot(3)).is_live
    assert not book_of(snapshot(3), of_api("syncing")).is_live
    assert book_of(snapshot(3), of_api("syncing"), update(4)).is_live


def test_update_does_not_end_the_apis_word_that_a_book_is_stale() -> None:
    book = book_of(snapshot(3), of_api("stale"), update(4), snapshot(5))
    assert book.status == "stale"


def test_repr_of_a_hostile_symbol_and_reason_is_printable() -> None:
    book = LiveBook("\x1b[2J\u202e")
    book.apply(StatusChange(book.symbol, 1, EPOCH, "syncing", "\x9b\n", "now"))
    assert repr(book).isprintable()
