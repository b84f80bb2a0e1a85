"""The rows of the table of all books."""

from __future__ import annotations

import pytest

from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.overview_rows import OverviewRows
from kraken_book.terminal.palette import palette_for

WIDTH = 100


def table(*symbols: str) -> list[str]:
    """Return the texts of the head and of each row."""
    rows = OverviewRows(palette_for("dark", no_color=True, color_system=None))
    books = [PolledBook(symbol, "asked") for symbol in symbols]
    rows.widen(books, 1)
    lines = [rows.head(WIDTH)]
    lines += [rows.line(book, None, 0.0, WIDTH, is_known=True, has_cursor=False) for book in books]
    return ["".join(text for text, _ in line) for line in lines]


def test_books_of_several_venues_have_a_column_for_them() -> None:
    head, kraken, binance = table("BTC/USD", "binance:BTC/USDT")
    assert head.split()[:3] == ["#", "venue", "symbol"]
    assert kraken.split()[:2] == ["kraken", "BTC/USD"]
    assert binance.split()[:2] == ["binance", "BTC/USDT"]
    assert "Binance was asked" in binance


@pytest.mark.parametrize("symbols", [("BTC/USD", "ETH/USD"), ("binance:BTC/USDT",)])
def test_books_of_one_venue_have_no_such_column(symbols: tuple[str, ...]) -> None:
    head, *rows = table(*symbols)
    assert "venue" not in head
    assert [row.split()[0] for row in rows] == list(symbols)
