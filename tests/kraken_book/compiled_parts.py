"""Parts of the compiled module with right values, and wrong values for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from kraken_book.level import Level, level_of
from lab.naive_book import NaiveBook
from lab.script_writer import book_frame

speedups: Any = pytest.importorskip(
    "kraken_book._speedups", reason="not built", exc_type=ImportError
)

BTC = "BTC/USD"
TIME = "2026-08-02T03:35:51.660084Z"
BIDS = [("100.0", "1.00000000"), ("99.0", "2.00000000")]
ASKS = [("101.0", "3.00000000"), ("102.0", "4.00000000")]
REFUSALS = (TypeError, ValueError, OverflowError, AttributeError, IndexError, LookupError)
ODD_VALUES: tuple[object, ...] = (
    *(None, True, 0, 1, -1, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1.5),
    *("", "x", "\x00", "é", "\ud800", TIME, TIME[:-1], "x" * 10**5, b"", b"x", bytearray(b"x")),
    *([], [1], [b""], (), (1, 2), {}, {b"x": 1}, set(), object(), len, int, Level),
)


def levels(*pairs: tuple[str, str]) -> list[Level]:
    return [level_of(*pair) for pair in pairs]


def sides() -> tuple[Any, Any]:
    bids, asks = speedups.Side(-1), speedups.Side(1)
    bids.apply(levels(*BIDS), 10)
    asks.apply(levels(*ASKS), 10)
    return bids, asks


def open_outbox(on_waiting: Callable[[], object] = list) -> Any:
    outbox = speedups.Outbox(on_waiting)
    outbox.epoch, outbox.room = 1, 1000
    return outbox


def lane_of(outbox: Any = None, name: str = BTC) -> Any:
    lane = speedups.Lane(name, f'"{name}"', "read at")
    lane.carry(*sides(), 10, 1, 8)
    lane.outbox = outbox
    return lane


def frame(symbol: str = BTC, qty: str = "7.00000000", price: str = "100.0") -> bytes:
    naive = NaiveBook()
    naive.frame(BIDS, ASKS)
    naive.frame([(price, qty)])
    return book_frame("update", f'"{symbol}"', [(price, qty)], [], naive.checksum, TIME)


def take(lanes: Any, messages: Any, first: Any = 0, woken: Any = None) -> Any:
    woken = [] if woken is None else woken
    return speedups.take(lanes, messages, first, "read at", TIME, woken)


def assert_usable(lane: Any, taken: int = 1) -> None:
    assert take({BTC.encode(): lane}, [frame()]) == (taken, None)


def attempts(call: Callable[..., object], right: tuple[object, ...]) -> Iterator[int]:
    """Call with each argument replaced by each odd value, and with too few and too many."""
    changed = [
        (*right[:at], value, *right[at + 1 :])
        for at, value in product(range(len(right)), ODD_VALUES)
    ]
    for arguments in (*changed, (), right[:-1], (*right, None), (*right, *right)):
        try:
            call(*arguments)
        except REFUSALS:
            yield 1
        else:
            yield 0
