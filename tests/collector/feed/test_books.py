"""A symbol's book in the collector: verified, or known not to be."""

from __future__ import annotations

import pytest

from collector.feed.books import SymbolBook
from collector.feed.link import Link
from collector.feed.timestamp import Timestamp
from kraken_book.errors import ChecksumMismatch, CrossedBook
from kraken_book.precision import Precision
from lab.naive_book import NaiveBook
from tests.collector.publish.boxes import levels

BIDS = [("100.0", "1.00000000")]
ASKS = [("101.0", "2.00000000")]
READ = Timestamp(10, 20)


class Listener:
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_update(self, _bids: object, _asks: object) -> None:
        self.calls.append("update")

    def on_snapshot(self) -> None:
        self.calls.append("snapshot")

    def on_status(self) -> None:
        self.calls.append("status")


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def book(listener: Listener) -> SymbolBook:
    book = SymbolBook("BTC/USD", 10, "simulated")
    book.precision = Precision(1, 8)
    book.listener = listener
    return book


def checksum(*extra_bids: tuple[str, str]) -> int:
    naive = NaiveBook()
    naive.snapshot([*BIDS, *extra_bids], ASKS)
    return naive.checksum


def go_live(book: SymbolBook) -> None:
    book.take_snapshot(levels(*BIDS), levels(*ASKS), checksum(), None, READ)


def test_new_book_is_asked(book: SymbolBook) -> None:
    assert (book.status, book.is_live, book.book) == ("asked", False, None)


def test_verified_snapshot_makes_the_book_live(book: SymbolBook, listener: Listener) -> None:
    book.acknowledge()
    go_live(book)
    assert (book.status, book.reason, book.is_live) == ("live", None, True)
    assert (book.checksum, book.read_at) == (checksum(), READ)
    assert book.view().bids == '[["100.0","1.00000000"]]'
    assert listener.calls == ["status", "snapshot"]


def test_listener_receives_a_verified_update(book: SymbolBook, listener: Listener) -> None:
    go_live(book)
    new = ("99.0", "3.00000000")
    book.take_update(levels(new), [], checksum(new), "2026-08-02T03:35:51Z", Timestamp(30, 40))
    assert listener.calls == ["snapshot", "update"]
    assert book.exchange_time == "2026-08-02T03:35:51.000000Z"
    assert book.read_at == Timestamp(30, 40)


def test_listener_receives_no_unverified_frame(book: SymbolBook, listener: Listener) -> None:
    with pytest.raises(ChecksumMismatch):
        book.take_snapshot(levels(*BIDS), levels(*ASKS), checksum() ^ 1, None, READ)
    assert (book.is_live, listener.calls) == (False, [])
    go_live(book)
    with pytest.raises(ChecksumMismatch):
        book.take_update(levels(("99.0", "1.0")), [], 1, None, Timestamp(30, 40))
    assert listener.calls == ["snapshot"]
    assert book.read_at == READ, "an unverified frame confirms nothing"


def test_crossed_snapshot_is_rejected(book: SymbolBook) -> None:
    naive = NaiveBook()
    naive.snapshot([("101.0", "1.00000000")], ASKS)
    with pytest.raises(CrossedBook):
        book.take_snapshot(levels(*naive.bids), levels(*naive.asks), naive.checksum, None, READ)
    assert not book.is_live


def test_book_can_be_lost_after_a_failed_snapshot(book: SymbolBook) -> None:
    go_live(book)
    with pytest.raises(ChecksumMismatch):
        book.take_snapshot([], levels(*ASKS), 1, None, READ)
    book.lose("checksum")
    assert (book.status, book.reason, book.book) == ("syncing", "checksum", None)


def test_lost_book_is_syncing_only_after_an_acknowledgement(book: SymbolBook) -> None:
    book.lose("closed")
    assert (book.status, book.reason) == ("asked", "closed")
    book.acknowledge()
    assert book.status == "syncing"
    book.lose("silent")
    assert (book.status, book.reason) == ("syncing", "silent")


def test_acknowledgement_leaves_a_live_book_live(book: SymbolBook) -> None:
    go_live(book)
    book.acknowledge()
    assert book.is_live


def test_listener_receives_each_new_status_or_reason(book: SymbolBook, listener: Listener) -> None:
    for reason in ("closed", "closed", "silent"):
        book.lose(reason)
    book.refuse("not supported")
    book.refuse("not supported")
    assert listener.calls == ["status"] * 3


def test_state_has_status_shard_and_precision(book: SymbolBook) -> None:
    book.refuse("not supported")
    state = book.state("2/8")
    assert (state.status, state.reason, state.shard) == ("refused", "not supported", "2/8")
    assert (state.source, state.depth) == ("simulated", 10)
    assert (state.price_precision, state.qty_precision) == (1, 8)
    book.precision = None
    assert book.state("2/8").price_precision is None


def test_newest_frame_of_its_connection_confirms_a_book() -> None:
    link = Link()
    book = SymbolBook("BTC/USD", 10, "simulated", link)
    link.last_frame_at = Timestamp(50, 60)
    assert book.confirmed_at == Timestamp(50, 60)


def test_own_newest_frame_confirms_a_book_while_its_connection_is_down(book: SymbolBook) -> None:
    go_live(book)
    assert book.confirmed_at == READ
