"""A verified book: its state, position and reason after each event."""

import msgspec
import pytest

from kraken_book.errors import BookInvalid
from kraken_book.event import Event, Lagged, decode_event
from kraken_book.position import Position
from kraken_book.verified_book import BookState, VerifiedBook
from lab.written_books import CONFIRMED_AT, SYMBOL, book_at, snapshot, status, update
from lab.written_books import Event as Written

EPOCH = 7


def event(written: Written, epoch: int = EPOCH, **members: object) -> Event:
    document = msgspec.json.decode(written.entry(epoch).data) | members
    return decode_event(msgspec.json.encode(document))


def verified(*events: Event) -> VerifiedBook:
    book = VerifiedBook(SYMBOL)
    for each in events:
        book.apply(each)
    return book


def state_of(book: VerifiedBook) -> BookState:
    return book.state


def test_book_waits_for_its_first_snapshot() -> None:
    book = VerifiedBook(SYMBOL)
    assert (book.state, book.book, book.position) == (BookState.WAITING, None, None)


def test_snapshot_and_update_move_position_checksum_and_time() -> None:
    book = verified(event(snapshot(3)))
    assert (book.source, book.exchange_time) == ("simulated", CONFIRMED_AT)
    book.apply(event(update(4)))
    assert (book.state, book.position) == (BookState.VERIFIED, Position(EPOCH, 4))
    assert (book.checksum, book.exchange_time) == (book_at(4).checksum(), None)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (event(update(4), checksum=1), "checksum"),
        (event(update(4), checksum=None), "unverified"),
        (event(update(4), bids=[["100.05", "1.00000000"]]), "level"),
        (event(update(5)), "gap"),
        (event(update(4), epoch=EPOCH + 1), "gap"),
        (event(status(5)), "gap"),
        (event(snapshot(4), depth=11), "level"),
        (event(snapshot(4), checksum=1), "checksum"),
    ],
)
def test_invalid_event_drops_the_book_with_a_reason(wrong: Event, reason: str) -> None:
    book = verified(event(snapshot(3)))
    with pytest.raises(BookInvalid) as caught:
        book.apply(wrong)
    assert caught.value.reason == book.invalid_reason == reason
    assert book.book is None
    assert state_of(book) is BookState.INVALID
    assert not book.apply(event(update(6)))
    assert book.apply(event(snapshot(3))), "the snapshot may have an old position"
    assert state_of(book) is BookState.VERIFIED


def test_lost_book_is_kept_and_verified_by_the_next_snapshot() -> None:
    book = verified(event(snapshot(3)), event(status(4, "syncing")))
    assert book.book is not None
    assert state_of(book) is BookState.SYNCING
    book.apply(event(status(5, "live")))
    assert state_of(book) is BookState.SYNCING
    book.apply(event(snapshot(6)))
    assert state_of(book) is BookState.VERIFIED


def test_missed_events_end_with_a_snapshot() -> None:
    book = verified(event(snapshot(3)), Lagged(SYMBOL, 4, "slow"))
    assert (book.state, book.counts.missed) == (BookState.LAGGED, 4)
    book.apply(event(snapshot(2)))
    assert (book.state, book.position) == (BookState.VERIFIED, Position(EPOCH, 2))


def test_new_stream_may_begin_with_a_snapshot_at_any_position() -> None:
    book = verified(event(snapshot(30)))
    book.begin()
    assert (book.state, book.position) == (BookState.WAITING, None)
    assert book.apply(event(snapshot(3)))
