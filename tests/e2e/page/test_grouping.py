"""The arithmetic of the view of a book, compared with Python's decimals."""

from __future__ import annotations

import random
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest

from lab.node import run_module

GROUPED = "return given.map((each) => module.grouped(...each))"


def levels_of(random_: random.Random, side: str, price: int, decimals: int, lots: int) -> Any:
    """Return random levels of a side, best first, and their precision of quantities."""
    count = random_.randrange(1, 60)
    ticks = sorted(random_.sample(range(max(1, price - 400), price + 400), count))
    pairs = [
        [
            f"{Decimal(each).scaleb(-decimals):f}",
            f"{Decimal(random_.randrange(1, 10**14)).scaleb(-lots):f}",
        ]
        for each in ticks
    ]
    return pairs[::-1] if side == "bid" else pairs


def expected(
    levels: list[list[str]], side: str, size: int, decimals: int, *, is_whole: bool
) -> list[list[Any]]:
    """Return the groups, computed by another way: each group is the sum of its levels."""
    step = Decimal(size).scaleb(-decimals)
    rounding = ROUND_FLOOR if side == "bid" else ROUND_CEILING

    def group_of(price: str) -> Decimal:
        return (Decimal(price) / step).to_integral_value(rounding) * step

    prices = sorted({group_of(price) for price, _ in levels}, reverse=side == "bid")
    found = []
    for group in prices:
        own = sum(Decimal(qty) for price, qty in levels if group_of(price) == group)
        better = sum(
            Decimal(qty)
            for price, qty in levels
            if (group_of(price) >= group if side == "bid" else group_of(price) <= group)
        )
        found.append([group, own, better, False])
    found[-1][3] = not is_whole and Decimal(levels[-1][0]) != prices[-1]
    return found


@pytest.mark.parametrize("decimals", [0, 1, 8])
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_groups_have_sums_of_decimals(side: str, decimals: int) -> None:
    random_ = random.Random(f"{side}{decimals}")
    given = []
    for _ in range(40):
        size = random_.choice([1, 5, 10, 50, 100, 500])
        price = random_.choice([450, 99_990, 6_425_010_000])
        levels = levels_of(random_, side, price, decimals, random_.choice([0, 8, 12]))
        given.append([levels, side, size, random_.random() < 0.5])
    found = run_module("book/grouping.js", GROUPED, given)
    for case, groups in zip(given, found, strict=True):
        levels, _, size, is_whole = case
        assert [[*map(Decimal, group[:3]), group[3]] for group in groups] == expected(
            levels, side, size, decimals, is_whole=is_whole
        )
        # Aligned digits: each text has all decimals.
        for index in (0, 1):
            exponents = {Decimal(group[index]).as_tuple().exponent for group in groups}
            assert exponents == {Decimal(levels[0][index]).as_tuple().exponent}


def test_groups_of_one_tick_are_the_levels() -> None:
    levels = [["100.10", "1.5"], ["100.20", "0.5"]]
    (found,) = run_module("book/grouping.js", GROUPED, [[levels, "ask", 1, False]])
    assert found == [["100.10", "1.5", "1.5", False], ["100.20", "0.5", "2.0", False]]
    assert run_module("book/grouping.js", GROUPED, [[[], "ask", 1, True]]) == [[]]


@pytest.mark.parametrize(
    ("price", "sizes"),
    [("0.00000099", [1]), ("1.000", [1, 5, 10]), ("64250.1", [1, 5, 10, 50, 100, 500, 1000, 5000])],
)
def test_groups_are_at_most_a_hundredth_of_the_price(price: str, sizes: list[int]) -> None:
    assert run_module("book/grouping.js", "return module.sizesFor(given)", price) == sizes
