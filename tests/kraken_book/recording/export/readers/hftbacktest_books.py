"""Print the books that hftbacktest has at given times; runs in `.venv-readers`.

The standard input is a JSON array of `[file, times]`: an npz file, or a CSV of Tardis that
hftbacktest converts, and local times in nanoseconds. The last line of the output is a JSON array
that has for each file a book at each time.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data.utils import tardis
from hftbacktest.types import BUY_EVENT

TICK, LOT = 0.1, 1e-8


def main() -> None:
    print(json.dumps([books_at(data_of(path), times) for path, times in json.load(sys.stdin)]))


def data_of(path: str) -> Any:
    """Return the name of an npz file, which hftbacktest reads itself, or what a CSV becomes."""
    if path.endswith(".npz"):
        return path
    return tardis.convert([path], buffer_size=1_000_000, ss_buffer_size=10_000)


def books_at(data: Any, times: list[int]) -> list[Any]:
    """Return the book of a backtest's local processor after all data of each time."""
    asset = (
        BacktestAsset()
        .data([data])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(TICK)
        .lot_size(LOT)
    )
    backtest = HashMapMarketDepthBacktest([asset])
    # Its clock begins at the exchange time of the first row.
    backtest.elapse(0)
    books = []
    for time in times:
        backtest.elapse(time - backtest.current_timestamp)
        books.append(book_of(backtest.depth(0)))
    backtest.close()
    return books


def book_of(depth: Any) -> dict[str, list[tuple[float, float]]]:
    book: dict[str, list[tuple[float, float]]] = {"bids": [], "asks": []}
    for row in depth.snapshot():
        side = "bids" if int(row["ev"]) & BUY_EVENT else "asks"
        book[side].append((round(float(row["px"]), 1), float(row["qty"])))
    best = [round(depth.best_bid, 1), round(depth.best_ask, 1)]
    assert best == [max(book["bids"])[0], min(book["asks"])[0]], best
    return book


if __name__ == "__main__":
    main()
