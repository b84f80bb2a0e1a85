"""A book as a small table of HTML for notebooks: asks above bids, best ones in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from kraken_book.level import Level
from kraken_book.printable import printable
from kraken_book.words import explain

if TYPE_CHECKING:
    from kraken_book.readable_book import ReadableBook

__all__ = ["ladder_html"]

SHOWN_LEVELS = 5
MAX_SYMBOL = 40
_NUMBER = 'style="text-align:right;font-family:monospace"'
_RULE = 'style="border-top:1px solid"'


def ladder_html(book: ReadableBook, levels: int = SHOWN_LEVELS) -> str:
    """Return the best levels of a book; every text in it is escaped.

    Args:
        book: The book.
        levels: The number of levels of each side at most.
    """
    why = explain(book.status, book.reason, book.venue)
    status = "live" if book.is_live else f"{book.status}: {why}"
    asks = list(islice(book.asks, levels))[::-1]
    return (
        f"<table><caption><b>{_text(book.symbol, MAX_SYMBOL)}</b> {_text(status)}</caption>"
        "<thead><tr><th>side</th><th>price</th><th>quantity</th></tr></thead><tbody>"
        f"{_rows('ask', asks)}{_middle(book)}{_rows('bid', islice(book.bids, levels))}"
        "</tbody></table>"
    )


def _rows(side: str, levels: Iterable[Level]) -> str:
    return "".join(
        f"<tr><td>{side}</td><td {_NUMBER}>{_text(price)}</td><td {_NUMBER}>{_text(qty)}</td></tr>"
        for price, qty in levels
    )


def _middle(book: ReadableBook) -> str:
    if book.depth is None:
        words = "no book"
    else:
        words = f"spread {book.spread}" if book.spread is not None else "one side is empty"
    return f'<tr><td colspan="3" {_RULE}>{_text(words)}</td></tr>'


def _text(text: str, most: int | None = None) -> str:
    return escape(printable(text, most))
