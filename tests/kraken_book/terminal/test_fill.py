"""The cost to fill an order, against Python's Decimal with 100 digits."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest

from kraken_book.level import Level, make_level
from kraken_book.precision import Precision
from kraken_book.terminal.fill import Side, fill_order, parse_amount, suggested_amount

PRECISION = Precision(1, 8)


def levels(*pairs: tuple[str, str], precision: Precision = PRECISION) -> list[Level]:
    return [make_level(price, qty, precision) for price, qty in pairs]


def random_side(number: random.Random, sign: int, precision: Precision) -> list[Level]:
    distances = sorted(number.sample(range(1, 900), number.randint(1, 20)))
    return levels(
        *(
            (
                f"{Decimal(5000 + sign * distance).scaleb(-precision.price):f}",
                f"{Decimal(number.randint(1, 10**12)).scaleb(-precision.qty):f}",
            )
            for distance in distances
        ),
        precision=precision,
    )


def rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)


@pytest.mark.parametrize("seed", range(40))
def test_fill_equals_the_computation_with_decimals(seed: int) -> None:
    number = random.Random(seed)
    precision = Precision(number.randint(0, 6), number.randint(0, 9))
    bids, asks = (random_side(number, sign, precision) for sign in (-1, 1))
    side: Side = number.choice(["buy", "sell"])
    taken = asks if side == "buy" else bids
    with localcontext() as context:
        context.prec = 100
        whole = sum(Decimal(level.qty) for level in taken)
        share = Decimal(number.randint(1, 1300)) / 1000
        amount = f"{rounded(whole * share, precision.qty + 2).normalize():f}"
        left, total, used = Decimal(amount), Decimal(0), 0
        for level in taken:
            part = min(left, Decimal(level.qty))
            total += part * Decimal(level.price)
            left -= part
            used += part > 0
        mid = (Decimal(bids[0].price) + Decimal(asks[0].price)) / 2
        average = total / (Decimal(amount) - left)
        worse = average - mid if side == "buy" else mid - average

        fill = fill_order(side, amount, bids, asks, precision)
        assert fill is not None
        assert Decimal(fill.average) == rounded(average, precision.price + 2)
        assert Decimal(fill.slippage) == rounded(worse, precision.price + 2)
        assert Decimal(fill.points) == rounded(worse * 10_000 / mid, 2)
        assert Decimal(fill.total) == total
        assert Decimal(fill.unfilled) == left
        assert Decimal(fill.filled) + left == Decimal(amount)
        assert (fill.levels, fill.is_filled) == (used, left == 0)


def test_fill_has_the_decimals_of_the_page() -> None:
    bids, asks = levels(("99.0", "1")), levels(("101.0", "1"), ("102.0", "2"))
    fill = fill_order("buy", "3", bids, asks, PRECISION)
    assert fill is not None
    assert (fill.average, fill.slippage, fill.points) == ("101.667", "1.667", "166.67")
    assert (fill.levels, fill.is_filled) == (2, True)


def test_halves_are_rounded_to_even() -> None:
    bids, asks = levels(("1.0", "1")), levels(("1.0", "1.999"), ("1.1", "0.001"))
    fill = fill_order("buy", "2", bids, asks, PRECISION)
    assert fill is not None
    # Exactly 1.00005, and 0.5 basis points.
    assert (fill.average, fill.points) == ("1.000", "0.50")
    fill = fill_order("buy", "2", bids, levels(("1.0", "1.99"), ("1.1", "0.01")), PRECISION)
    assert fill is not None
    # Exactly 1.0005.
    assert fill.average == "1.000"


def test_order_larger_than_the_window_is_filled_partly() -> None:
    fill = fill_order("sell", "5.5", levels(("9.9", "2")), levels(("10.0", "1")), PRECISION)
    assert fill is not None
    assert not fill.is_filled
    assert (Decimal(fill.filled), Decimal(fill.unfilled)) == (Decimal(2), Decimal("3.5"))


def test_book_with_an_empty_side_has_no_cost() -> None:
    assert fill_order("buy", "1", [], levels(("10.0", "1")), PRECISION) is None
    assert fill_order("buy", "1", levels(("10.0", "1")), [], PRECISION) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2.5", "2.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007", "7"),
        ("0.10", "0.10"),
        ("", None),
        (".", None),
        ("0.00", None),
        ("1.2.3", None),
        ("1e9", None),
        ("-1", None),
        ("٣", None),
        ("9" * 41, None),
    ],
)
def test_typed_amount_is_a_plain_decimal_above_zero(text: str, amount: str | None) -> None:
    assert parse_amount(text) == amount


def test_suggested_amount_is_that_of_three_levels_with_two_digits() -> None:
    asks = levels(("1.0", "0.05"), ("1.1", "0.10000123"), ("1.2", "0.15"), ("1.3", "9"))
    assert suggested_amount(asks) == "0.3"
    assert suggested_amount(levels(("1.0", "123456"))) == "120000"
    assert suggested_amount([]) == ""
