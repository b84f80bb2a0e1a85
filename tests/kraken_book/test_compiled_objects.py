"""Objects that run code while the compiled module uses them, and the lives of its own objects."""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from kraken_book.level import Level, level_of
from tests.kraken_book.compiled_parts import (
    ASKS,
    BTC,
    ODD_VALUES,
    REFUSALS,
    TIME,
    attempts,
    frame,
    lane_of,
    levels,
    open_outbox,
    sides,
    speedups,
    take,
)


class OddLevel:
    def __init__(self, price: Any, qty: Any) -> None:
        self.price, self.qty = price, qty


ODD_TEXTS = (
    *("", ".", "..", "-1.0", "+1.0", "1e5", "1.", ".5", "1.0.0", " 1.0", "1.0 ", "\u0661.0", "1,0"),
    *("\x00", "1.0\x00", "\ud800", "x" * 10**6, "1" * 10**6, "0" * 30, "NaN", '1"', "1_0"),
)


@pytest.mark.parametrize("odd", [*ODD_TEXTS, None, 1, 1.0, b"1.0", ["1.0"]], ids=ascii)
def test_level_with_odd_texts_is_refused_or_stored_whole(odd: Any) -> None:
    for level in (OddLevel(odd, "1.0"), OddLevel("5.0", odd), OddLevel(odd, odd)):
        side = speedups.Side(1)
        side.apply(levels(*ASKS), 10)
        before = (side.json, side.checksum_text)
        try:
            side.apply([*levels(("104.0", "1.00000000")), level], 10)
        except (*REFUSALS, UnicodeError):
            assert (side.json, side.checksum_text) == before
        assert isinstance(side.json, str)
        assert len(side.pairs()) == len(side)


def test_iterable_that_changes_the_side_while_it_is_applied() -> None:
    side = speedups.Side(1)

    def changing() -> Iterator[Level]:
        for n in range(200):
            side.apply(levels(*((f"{n + k + 1}.0", "1.00000000") for k in range(50))), 1000)
            yield level_of(f"{n + 1}.0", "2.00000000")
            side.clear()

    side.apply(changing(), 10)
    assert len(side) == len(side.pairs()) == len(list(side.pairs())) <= 10
    assert side.pairs() == sorted(side.pairs(), key=lambda pair: float(pair[0]))


def test_level_that_changes_the_side_while_it_is_read() -> None:
    side = speedups.Side(1)

    class Changing:
        qty = "1.00000000"

        @property
        def price(self) -> str:
            side.apply(levels(*((f"{k + 1}.0", "1.00000000") for k in range(300))), 1000)
            side.clear()
            gc.collect()
            return "7.0"

    side.apply([Changing() for _ in range(5)], 10)
    assert side.pairs() == [("7.0", "1.00000000")]


def test_iterable_that_raises_changes_nothing() -> None:
    side = speedups.Side(1)
    side.apply(levels(*ASKS), 10)

    def raising() -> Iterator[Level]:
        yield from levels(("100.5", "1.00000000"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side.apply(raising(), 10)
    assert side.pairs() == ASKS


class HostileKey:
    """A key that looks like a symbol, and runs code when it is compared."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def __hash__(self) -> int:
        return hash(BTC.encode())

    def __eq__(self, other: object) -> bool:
        self._action()
        return False


def test_dictionary_whose_keys_run_code_does_not_crash() -> None:
    lane = lane_of(open_outbox())
    messages = [bytes(bytearray(frame())) for _ in range(50)]
    lanes: dict[Any, Any] = {}

    def act() -> None:
        messages.clear()
        lane.drop()
        gc.collect()

    lanes[HostileKey(act)] = lane
    try:
        taken, _ = take(lanes, messages)
    except (*REFUSALS, RuntimeError):
        return
    assert 0 <= taken <= 50


def test_comparison_of_keys_that_raises_is_passed_on_or_not_taken() -> None:
    lanes: dict[Any, Any] = {HostileKey(lambda: 1 // 0): lane_of()}
    with contextlib.suppress(ZeroDivisionError):
        assert take(lanes, [frame()]) == (0, None)


def test_subclasses_of_bytes_lists_and_dicts_work() -> None:
    class Bytes(bytes):
        pass

    class List(list[bytes]):
        pass

    class Dict(dict[bytes, Any]):
        pass

    outbox = open_outbox()
    lane = lane_of(outbox)
    taken, wrong = take(Dict({Bytes(BTC.encode()): lane}), List([Bytes(frame()), frame()]))
    assert wrong is None
    assert len(outbox.updates) == taken


@pytest.mark.parametrize("name", ["Side", "Outbox", "Lane"])
def test_object_without_init_is_harmless(name: str) -> None:
    kind = getattr(speedups, name)
    try:
        bare = kind.__new__(kind)
    except REFUSALS:
        return
    for attribute in dir(kind):
        if attribute.startswith("__"):
            continue
        try:
            value = getattr(bare, attribute)
            if callable(value) and attribute != "on_waiting":
                value()
        except REFUSALS:
            pass
    lane = lane_of()
    for use in (
        lambda: len(bare),
        lambda: lane.carry(bare, bare, 10, 1, 8),
        lambda: setattr(lane, "outbox", bare),
        lambda: take({BTC.encode(): bare}, [frame()]),
        lambda: take({BTC.encode(): lane}, [frame()]),
    ):
        with contextlib.suppress(*REFUSALS):
            use()


@pytest.mark.parametrize("name", ["Side", "Outbox", "Lane"])
def test_second_init_is_harmless(name: str) -> None:
    outbox = open_outbox()
    lane = lane_of(outbox)
    bids, asks = sides()
    lane.carry(bids, asks, 10, 1, 8)
    for one, right in (
        ({"Side": bids, "Outbox": outbox, "Lane": lane}[name], ODD_VALUES),
        ({"Side": bids, "Outbox": outbox, "Lane": lane}[name], (1, list)),
    ):
        for value in right:
            for arguments in ((value,), (value, value, value), (BTC, f'"{BTC}"', value)):
                with contextlib.suppress(*REFUSALS):
                    one.__init__(*arguments)
                take({BTC.encode(): lane}, [frame()])
    assert len(bids) == len(bids.pairs())


def test_cycle_of_lane_and_callback_is_collected() -> None:
    class Owner:
        pass

    owner = Owner()
    gone = weakref.ref(owner)
    outbox = open_outbox(partial(id, owner))
    lane = lane_of(outbox)
    owner.lane = lane  # type: ignore[attr-defined]
    lane.read_at = owner
    outbox.updates.append(owner)
    del owner, lane, outbox
    gc.collect()
    assert gone() is None


def test_calls_that_raise_leak_nothing() -> None:
    # The lane has no outbox, in which events would be kept.
    lane, outbox = lane_of(), open_outbox()
    right: tuple[object, ...] = ({BTC.encode(): lane}, [frame()], 0, None, TIME, [])

    def misuse() -> None:
        for _ in attempts(speedups.take, right):
            pass
        for value in ODD_VALUES:
            for one, name in ((lane, "exchange_time"), (lane, "outbox"), (outbox, "updates")):
                with contextlib.suppress(*REFUSALS):
                    setattr(one, name, value)
            lane.outbox = None
            with contextlib.suppress(*REFUSALS, UnicodeError):
                speedups.Side(1).apply([OddLevel(value, value)], 10)

    # The first calls fill caches and free lists.
    for _ in range(5):
        misuse()
    gc.collect()
    counted = ODD_VALUES[-11:]
    blocks, counts = sys.getallocatedblocks(), [sys.getrefcount(value) for value in counted]
    for _ in range(200):
        misuse()
    gc.collect()
    # Each call of `misuse` raises hundreds of errors; a leak would leave 200 blocks or more.
    assert sys.getallocatedblocks() - blocks < 100
    after = [sys.getrefcount(value) for value in counted]
    assert max(new - old for old, new in zip(counts, after, strict=True)) < 100
