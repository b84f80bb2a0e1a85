"""Stop simulated markets, and compare every book in Redis with the simulator's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from lab.services import SimulatorProcess
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SILENCE_SECONDS = 3600
"""The duration of the silence in which books are compared: longer than the comparison."""


def compare_books(simulator: SimulatorProcess, stored: StoredBooks, symbols: Sequence[str]) -> None:
    """Stop the markets, and wait until each book in Redis is the simulator's.

    Args:
        simulator: The simulator; its markets stay silent.
        stored: The books in Redis.
        symbols: The symbols to compare.

    """
    for symbol in symbols:
        simulator.fault(f"silence?symbol={symbol}&seconds={SILENCE_SECONDS}")
    for symbol in symbols:
        same = partial(_is_same, stored, symbol, simulator.book(symbol))
        wait_until(same, f"Redis has the simulator's book of {symbol}")


def _is_same(stored: StoredBooks, symbol: str, market: dict[str, Any]) -> bool:
    book = stored.book(symbol)
    sides = [json.loads(book[side]) for side in ("bids", "asks")]
    return book["status"] == "live" and sides == [market["bids"], market["asks"]]
