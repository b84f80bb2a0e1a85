"""Kraken's rules for a book, and the worked example of its documentation."""

from __future__ import annotations

import pytest

from kraken_book.book import Book
from kraken_book.errors import ChecksumMismatch, CrossedBook, LevelError
from kraken_book.precision import Precision
from lab.naive_book import NaiveBook, TextLevel

# Kraken's documentation, "How to calculate the checksum": its levels, text and checksum.
EXAMPLE_BIDS = [
    ("45283.5", "0.10000000"),
    ("45283.4", "1.54582015"),
    ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"),
    ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"),
    ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
]
EXAMPLE_ASKS = [
    ("45285.2", "0.00100000"),
    ("45286.4", "1.54571953"),
    ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"),
    ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"),
    ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
]
EXAMPLE_ASKS_TEXT = (
    "452852100000452864154571953452866154571109452896154560911452902158906604529181545534914529474"
    "454749452961353800004529759945542452995"
    "18772827"
)
EXAMPLE_CHECKSUM = 3310070434


def book_of(bids: list[TextLevel], asks: list[TextLevel], depth: int = 10) -> Book:
    book = Book("BTC/USD", depth, Precision(1, 8))
    book.replace(book.levels(bids), book.levels(asks))
    return book


def send(book: Book, bids: list[TextLevel], asks: list[TextLevel]) -> None:
    book.update(book.levels(bids), book.levels(asks))


def bids_of(book: Book) -> list[TextLevel]:
    return [(level.price, level.qty) for level in book.bids]


def asks_of(book: Book) -> list[TextLevel]:
    return [(level.price, level.qty) for level in book.asks]


def test_worked_example_of_kraken_verifies() -> None:
    book = book_of(EXAMPLE_BIDS, EXAMPLE_ASKS)
    assert book.asks.checksum_text.decode() == EXAMPLE_ASKS_TEXT
    assert book.checksum() == EXAMPLE_CHECKSUM
    book.verify(EXAMPLE_CHECKSUM)


def test_naive_book_has_the_checksum_of_the_worked_example() -> None:
    naive = NaiveBook()
    naive.snapshot(EXAMPLE_BIDS, EXAMPLE_ASKS)
    assert naive.checksum_text.startswith(EXAMPLE_ASKS_TEXT)
    assert naive.checksum == EXAMPLE_CHECKSUM


def test_order_of_levels_does_not_matter() -> None:
    book_of(EXAMPLE_BIDS[::-1], EXAMPLE_ASKS[::-1]).verify(EXAMPLE_CHECKSUM)


def test_checksum_covers_the_best_ten_levels_at_any_depth() -> None:
    deeper_bids = [*EXAMPLE_BIDS, ("45270.0", "1.00000000")]
    deeper_asks = [*EXAMPLE_ASKS, ("45300.0", "1.00000000")]
    book = book_of(deeper_bids, deeper_asks, depth=25)
    assert len(book.bids) == len(book.asks) == 11
    book.verify(EXAMPLE_CHECKSUM)


def test_sides_are_best_first() -> None:
    book = book_of(EXAMPLE_BIDS[::-1], EXAMPLE_ASKS[::-1])
    assert (bids_of(book), asks_of(book)) == (EXAMPLE_BIDS, EXAMPLE_ASKS)
    assert book.bids.best is not None
    assert book.asks.best is not None
    assert (book.bids.best.price, book.asks.best.price) == ("45283.5", "45285.2")
    assert book.spread == "1.7"


def test_snapshot_replaces_all_levels() -> None:
    book = book_of(EXAMPLE_BIDS, EXAMPLE_ASKS)
    book.replace(book.levels([("1.0", "2.00000000")]), [])
    assert (bids_of(book), asks_of(book)) == ([("1.0", "2.00000000")], [])
    assert book.bids.json == '[["1.0","2.00000000"]]'
    assert book.asks.json == "[]"


def test_update_sets_adds_and_removes_levels() -> None:
    book = book_of([("10.0", "1.00000000"), ("9.0", "1.00000000")], [("11.0", "1.00000000")])
    send(
        book,
        [("10.0", "0.00000000"), ("8.0", "4.00000000")],
        [("11.0", "5.00000000"), ("12.0", "6.00000000")],
    )
    assert bids_of(book) == [("9.0", "1.00000000"), ("8.0", "4.00000000")]
    assert asks_of(book) == [("11.0", "5.00000000"), ("12.0", "6.00000000")]


def test_removing_an_unknown_price_changes_nothing() -> None:
    book = book_of([("10.0", "1.00000000")], [])
    send(book, [("7.0", "0.00000000")], [("11.0", "0.00000000")])
    assert (bids_of(book), asks_of(book)) == ([("10.0", "1.00000000")], [])


def test_last_level_of_a_repeated_price_counts() -> None:
    book = book_of([], [])
    send(book, [("10.0", "1.00000000"), ("10.0", "3.00000000"), ("10.0", "2.00000000")], [])
    assert bids_of(book) == [("10.0", "2.00000000")]
    send(book, [("10.0", "0.00000000"), ("10.0", "7.00000000")], [])
    assert bids_of(book) == [("10.0", "7.00000000")]
    send(book, [("10.0", "9.00000000"), ("10.0", "0.00000000")], [])
    assert bids_of(book) == []


def test_sides_are_truncated_to_the_depth_after_a_frame() -> None:
    book = book_of(EXAMPLE_BIDS, EXAMPLE_ASKS)
    send(book, [("45284.0", "1.00000000")], [("45285.0", "1.00000000")])
    assert bids_of(book) == [("45284.0", "1.00000000"), *EXAMPLE_BIDS[:9]]
    assert asks_of(book) == [("45285.0", "1.00000000"), *EXAMPLE_ASKS[:9]]


def test_truncated_level_does_not_come_back() -> None:
    book = book_of([("10.0", "1.00000000"), ("9.0", "1.00000000")], [], depth=2)
    send(book, [("11.0", "1.00000000")], [])
    send(book, [("11.0", "0.00000000")], [])
    assert bids_of(book) == [("10.0", "1.00000000")]


def test_sides_are_not_truncated_within_a_frame() -> None:
    book = book_of([], [("10.0", "1.00000000"), ("11.0", "1.00000000")], depth=2)
    send(book, [], [("9.0", "1.00000000"), ("9.0", "0.00000000")])
    assert asks_of(book) == [("10.0", "1.00000000"), ("11.0", "1.00000000")]


def test_snapshot_is_truncated_to_the_depth() -> None:
    book = book_of(EXAMPLE_BIDS, EXAMPLE_ASKS, depth=3)
    assert (bids_of(book), asks_of(book)) == (EXAMPLE_BIDS[:3], EXAMPLE_ASKS[:3])


@pytest.mark.parametrize(("bids", "asks"), [(3, 4), (0, 4), (3, 0), (0, 0), (10, 0), (9, 10)])
def test_books_with_fewer_than_ten_levels_or_none_are_valid(bids: int, asks: int) -> None:
    book, naive = book_of(EXAMPLE_BIDS[:bids], EXAMPLE_ASKS[:asks]), NaiveBook()
    naive.snapshot(EXAMPLE_BIDS[:bids], EXAMPLE_ASKS[:asks])
    book.verify(naive.checksum)
    assert (book.spread is None) == (not bids or not asks)
    assert (book.bids.best is None, book.asks.best is None) == (not bids, not asks)


def test_checksum_mismatch_names_both_checksums() -> None:
    book = book_of(EXAMPLE_BIDS, EXAMPLE_ASKS)
    with pytest.raises(ChecksumMismatch, match=r"3310070435.*3310070434"):
        book.verify(EXAMPLE_CHECKSUM + 1)


@pytest.mark.parametrize("bid", ["11.0", "11.1"])
def test_crossed_book_is_an_error_even_with_the_right_checksum(bid: str) -> None:
    book, naive = book_of([("10.0", "1.00000000")], [("11.0", "1.00000000")]), NaiveBook()
    naive.snapshot([("10.0", "1.00000000"), (bid, "2.00000000")], [("11.0", "1.00000000")])
    send(book, [(bid, "2.00000000")], [])
    with pytest.raises(CrossedBook, match=rf"{bid}.*11\.0"):
        book.verify(naive.checksum)


def test_book_may_be_crossed_within_a_frame() -> None:
    book, naive = book_of([("10.0", "1.00000000")], [("11.0", "1.00000000")]), NaiveBook()
    naive.snapshot([("10.0", "1.00000000")], [("11.0", "1.00000000")])
    frame = ([("12.0", "1.00000000"), ("12.0", "0.00000000")], [("9.0", "1.00000000")])
    send(book, frame[0], [*frame[1], ("9.0", "0.00000000")])
    book.verify(naive.checksum)


def test_impossible_level_does_not_change_the_book() -> None:
    book = book_of(EXAMPLE_BIDS, EXAMPLE_ASKS)
    with pytest.raises(LevelError):
        send(book, [("45284.0", "1.00000000"), ("-1.0", "1.00000000")], [])
    book.verify(EXAMPLE_CHECKSUM)
