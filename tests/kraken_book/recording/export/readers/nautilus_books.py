"""Print the books that nautilus_trader has at given times; runs in `.venv-readers`.

Input and output are those of `hftbacktest_books.py`, but all files are CSV of Tardis.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from nautilus_trader.adapters.tardis.loaders import TardisCSVDataLoader
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType


def main() -> None:
    print(json.dumps([books_at(path, times) for path, times in json.load(sys.stdin)]))


def books_at(path: str, times: list[int]) -> list[Any]:
    pending = list(reversed(TardisCSVDataLoader().load_deltas(path)))
    book = OrderBook(pending[-1].instrument_id, BookType.L2_MBP)
    books = []
    for time in times:
        while pending and pending[-1].ts_init <= time:
            book.apply_delta(pending.pop())
        books.append({"bids": levels_of(book.bids()), "asks": levels_of(book.asks())})
    assert not pending
    return books


def levels_of(side: Any) -> list[tuple[float, float]]:
    # As floats, its fixed-point numbers are not the nearest ones.
    return [(float(str(level.price)), round(level.size(), 8)) for level in side]


if __name__ == "__main__":
    main()
