"""A compiled side of a book equals a pure one, whatever is applied to it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from kraken_book.book import AnySide, Book, Side
from kraken_book.errors import CrossedBook
from kraken_book.level import Level, level_of
from kraken_book.precision import Precision
from lab.naive_book import NaiveBook, text_of

MAX_DIGITS = 18
FUZZ = float(os.environ.get("KRAKEN_BOOK_FUZZ", "1"))


@pytest.fixture(scope="module")
def compiled_side() -> Any:
    pytest.importorskip("kraken_book._speedups", reason="not built", exc_type=ImportError)
    from kraken_book.compiled_side import CompiledSide

    return CompiledSide


def dump(side: AnySide) -> tuple[object, ...]:
    return (len(side), list(side), side.best, side.checksum_text, side.json)


def digits(level: Level) -> int:
    return max(len(text.replace(".", "")) for text in (level.price, level.qty))


class SidesMachine(RuleBasedStateMachine):
    """Applies the same levels to a pure and a compiled side, and compares them now and then."""

    compiled: Any

    @initialize(
        direction=st.sampled_from([1, -1]),
        depth=st.sampled_from([1, 10, 25, 1000]),
        precision=st.sampled_from([(1, 8), (0, 0), (17, 17), (8, 0), (5, 10), (2, 8)]),
        base=st.sampled_from([0, 50, 10**6, 10**17 - 40, 10**18 - 60, 2**53 - 30]),
    )
    def begin(self, direction: int, depth: int, precision: tuple[int, int], base: int) -> None:
        self.depth = depth
        self.base = base
        self.precision = precision
        self.pure, self.fast = Side(direction), self.compiled(direction)
        assert dump(self.fast) == dump(self.pure)

    def level(self, offset: int, lots: int) -> Level:
        price, qty = self.precision
        return level_of(text_of(self.base + offset + 1, price), text_of(lots, qty))

    few = st.lists(
        st.tuples(
            st.integers(0, 12) | st.integers(0, 2000),
            st.sampled_from([0, 0, 0]) | st.integers(0, 10**9) | st.integers(10**15, 10**18 - 1),
        ),
        max_size=12,
    )

    @rule(changes=few, kind=st.sampled_from([list, tuple, iter]))
    def apply(self, changes: list[tuple[int, int]], kind: Any) -> None:
        levels = [self.level(*change) for change in changes]
        assume(all(digits(level) <= MAX_DIGITS for level in levels))
        self.pure.apply(levels, self.depth)
        assert self.fast.apply(kind(levels), self.depth) is None

    @rule(
        start=st.integers(0, 100),
        step=st.sampled_from([1, 3, -2, -7]),
        count=st.sampled_from([30, 300, 1500]),
        lots=st.integers(0, 9),
    )
    def apply_many(self, start: int, step: int, count: int, lots: int) -> None:
        offsets = [abs(start + step * n) % 3000 for n in range(count)]
        levels = [self.level(offset, max(0, lots - offset % 3)) for offset in offsets]
        assume(all(digits(level) <= MAX_DIGITS for level in levels))
        self.pure.apply(levels, self.depth)
        self.fast.apply(levels, self.depth)

    @rule(
        changes=few,
        at=st.integers(0, 12),
        lots=st.sampled_from([10**18, 2**63 - 1, 2**63, 2**64 + 5, 10**30]),
    )
    def apply_too_many_digits(self, changes: list[tuple[int, int]], at: int, lots: int) -> None:
        levels = [self.level(*change) for change in changes]
        levels.insert(
            at,
            level_of(text_of(self.base + 1, self.precision[0]), text_of(lots, self.precision[1])),
        )
        before = dump(self.fast)
        with pytest.raises(OverflowError):
            self.fast.apply(levels, self.depth)
        assert dump(self.fast) == before

    @rule(changes=few, at=st.integers(0, 12))
    def apply_something_else(self, changes: list[tuple[int, int]], at: int) -> None:
        levels: list[Any] = [self.level(*change) for change in changes]
        levels.insert(at, 5)
        before = dump(self.fast)
        with pytest.raises((TypeError, AttributeError, OverflowError)):
            self.fast.apply(levels, self.depth)
        assert dump(self.fast) == before

    @rule()
    def clear(self) -> None:
        self.pure.clear()
        self.fast.clear()

    @rule(depth=st.sampled_from([0, 1, 5, 10, 25, 1000, 5000]))
    def change_depth(self, depth: int) -> None:
        self.depth = depth
        self.pure.apply((), depth)
        self.fast.apply((), depth)

    @rule()
    def compare(self) -> None:
        assert dump(self.fast) == dump(self.pure)

    @rule(part=st.integers(0, 3))
    def compare_one_text(self, part: int) -> None:
        for side in (self.pure, self.fast):
            _ = (side.json, side.best, side.checksum_text, list(side))[part]
        assert self.fast.checksum_text == self.pure.checksum_text

    @invariant()
    def lengths_are_equal(self) -> None:
        assert len(self.fast) == len(self.pure)

    def teardown(self) -> None:
        if hasattr(self, "fast"):
            assert dump(self.fast) == dump(self.pure)


def test_compiled_side_equals_the_pure_side(compiled_side: Any) -> None:
    machine = type("Machine", (SidesMachine,), {"compiled": compiled_side})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(1, int(25 * FUZZ)), stateful_step_count=20, deadline=None
        ),
    )


def test_comparison_of_sides_finds_one_wrong_digit() -> None:
    class WrongSide(Side):
        def apply(self, levels: Any, depth: int) -> None:
            super().apply(
                [level_of(each.price, each.qty.replace("7", "8")) for each in levels], depth
            )

    machine = SidesMachine()
    machine.compiled = WrongSide
    machine.begin(direction=1, depth=10, precision=(1, 8), base=50)
    machine.apply(changes=[(1, 16)], kind=list)
    machine.compare()
    machine.apply(changes=[(2, 17)], kind=list)
    with pytest.raises(AssertionError):
        machine.compare()


@pytest.mark.parametrize("depth", [1, 10, 25, 1000])
def test_compiled_book_has_checksum_spread_and_best_of_the_pure_one(
    compiled_side: Any, depth: int
) -> None:
    precision = Precision(1, 8)
    pure, fast = Book("X/Y", depth, precision), Book("X/Y", depth, precision, compiled_side)
    naive = NaiveBook(depth)
    for n in range(300):
        bids = [(f"{100 - (n * 7 + k) % 40}.{n % 10}", f"{n % 5}.{k:08d}") for k in range(n % 4)]
        asks = [(f"{101 + (n * 5 + k) % 40}.{n % 10}", f"{n % 3}.{n:08d}") for k in range(n % 3)]
        for book in (pure, fast):
            book.update(book.levels(bids), book.levels(asks))
        naive.frame(bids, asks)
        assert fast.checksum() == pure.checksum() == naive.checksum
        assert (fast.spread, fast.top_json) == (pure.spread, pure.top_json)
        if naive.crossed:
            with pytest.raises(CrossedBook):
                fast.verify(naive.checksum)
        else:
            fast.verify(naive.checksum)
    assert fast.bids.json == pure.bids.json
    assert fast.asks.json == pure.asks.json


def test_price_of_zero_and_digits_at_the_limit(compiled_side: Any) -> None:
    pure, fast = Side(1), compiled_side(1)
    for price, qty in (
        ("999999999999999999", "999999999999999999"),
        ("9.99999999999999999", "0.00000000000000001"),
        ("0.00000000000000001", "0.00000000000000000"),
        ("0.00000000000000002", "10000000000.0000000"),
    ):
        levels = [level_of(price, qty)]
        pure.apply(levels, 10)
        fast.apply(levels, 10)
        assert dump(fast) == dump(pure)
    for price, qty in (
        ("1000000000000000000", "1"),
        ("1", "1000000000000000000"),
        ("0.000000000000000001", "1"),
        ("1", "0.000000000000000000"),
    ):
        before = dump(fast)
        with pytest.raises(OverflowError):
            fast.apply([level_of(price, qty)], 10)
        assert dump(fast) == before
