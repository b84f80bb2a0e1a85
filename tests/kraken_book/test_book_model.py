"""The book equals a naive book after each of many random frames."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_book.book import Book
from kraken_book.errors import CrossedBook
from kraken_book.precision import Precision
from lab.naive_book import NaiveBook, TextLevel, side_json, text_of


class RandomFrame(NamedTuple):
    is_snapshot: bool
    bids: list[TextLevel]
    asks: list[TextLevel]
    read_texts: bool
    """Whether to read the book's texts after this frame, which caches them."""


class Feed(NamedTuple):
    depth: int
    precision: Precision
    frames: list[RandomFrame]


@st.composite
def feeds(draw: st.DrawFn) -> Feed:
    precision = Precision(draw(st.integers(0, 10)), draw(st.integers(0, 10)))
    # Few prices, so that most levels replace or remove another one.
    ticks = st.integers(1, draw(st.sampled_from([5, 30, 10**9])))
    lots = st.just(0) | st.integers(1, 1000) | st.integers(2**53, 2**60)
    level = st.builds(
        lambda price, qty: (text_of(price, precision.price), text_of(qty, precision.qty)),
        ticks,
        lots,
    )
    side = st.lists(level, max_size=15)
    frame = st.builds(
        RandomFrame, st.integers(0, 9).map(lambda n: n == 0), side, side, st.booleans()
    )
    depth = draw(st.sampled_from([1, 2, 3, 9, 10, 11, 25]))
    return Feed(depth, precision, draw(st.lists(frame, min_size=1, max_size=12)))


def assert_same(book: Book, naive: NaiveBook) -> None:
    assert [(level.price, level.qty) for level in book.bids] == naive.bids
    assert [(level.price, level.qty) for level in book.asks] == naive.asks
    assert len(book.bids) == len(naive.bids)
    assert book.checksum() == naive.checksum
    assert (book.bids.json, book.asks.json) == (side_json(naive.bids), side_json(naive.asks))


@given(feeds())
@settings(deadline=None, max_examples=150)
def test_levels_checksum_and_json_equal_those_of_a_naive_book(feed: Feed) -> None:
    book, naive = Book("X/Y", feed.depth, feed.precision), NaiveBook(feed.depth)
    for frame in feed.frames:
        bids, asks = book.levels(frame.bids), book.levels(frame.asks)
        if frame.is_snapshot:
            book.replace(bids, asks)
            naive.snapshot(frame.bids, frame.asks)
        else:
            book.update(bids, asks)
            naive.frame(frame.bids, frame.asks)
        if frame.read_texts:
            assert_same(book, naive)
        else:
            assert len(book.asks) == len(naive.asks)
    assert_same(book, naive)


@given(feeds())
@settings(deadline=None, max_examples=60)
def test_verify_raises_only_for_crossed_books(feed: Feed) -> None:
    book, naive = Book("X/Y", feed.depth, feed.precision), NaiveBook(feed.depth)
    for frame in feed.frames:
        book.update(book.levels(frame.bids), book.levels(frame.asks))
        naive.frame(frame.bids, frame.asks)
        if naive.crossed:
            with pytest.raises(CrossedBook):
                book.verify(naive.checksum)
        else:
            book.verify(naive.checksum)
