"""Figures of the page's charts, against Python's Decimal."""

from __future__ import annotations

import random
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import pytest

from lab.node import run_module

Levels = list[list[str]]


def book(number: random.Random, prices: int, qtys: int) -> tuple[Levels, Levels]:
    """Return random bids and asks, best first."""
    middle = number.randint(1000, 10**7)
    sides: list[Levels] = []
    for sign in (-1, 1):
        distances = sorted(number.sample(range(1, 900), number.randint(1, 30)))
        ticks = [middle + sign * distance for distance in distances]
        lots = [number.randint(1, 10 ** number.randint(1, 12)) for _ in ticks]
        sides.append(
            [
                [f"{Decimal(tick).scaleb(-prices):f}", f"{Decimal(lot).scaleb(-qtys):f}"]
                for tick, lot in zip(ticks, lots, strict=True)
            ]
        )
    return sides[0], sides[1]


def rounded(value: Decimal, decimals: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN):f}"


def without_sign_of_zero(text: str) -> str:
    return text.removeprefix("-") if not Decimal(text) else text


def expected_order(order: dict[str, str], bids: Levels, asks: Levels) -> dict[str, Any]:
    """Return the result of a market order, computed with Decimals of 200 digits."""
    levels = asks if order["side"] == "buy" else bids
    prices, lot = decimals(levels, 0), Decimal(1).scaleb(-decimals(levels, 1))
    left, filled, total = Decimal(order["amount"]), Decimal(0), Decimal(0)
    worst, used, is_filled = None, 0, False
    for price_text, qty_text in levels:
        price, part = Decimal(price_text), Decimal(qty_text)
        wanted = left
        if order["unit"] == "quote":
            wanted = (left / price).quantize(lot, rounding=ROUND_FLOOR)
        is_filled = wanted <= part
        part = min(part, wanted)
        if part:
            filled, total, worst, used = filled + part, total + part * price, price_text, used + 1
        left -= part * price if order["unit"] == "quote" else part
        if is_filled:
            break
    mid = (Decimal(bids[0][0]) + Decimal(asks[0][0])) / 2
    figures: dict[str, Any] = {"average": None, "slippage": None, "points": None}
    if filled:
        average = total / filled
        slippage = average - mid if order["side"] == "buy" else mid - average
        figures = {
            "average": rounded(average, prices + 2),
            "slippage": rounded(slippage, prices + 2),
            "points": rounded(slippage / mid * 10_000, 2),
        }
    figures |= {"filled": filled, "total": total, "unfilled": left, "mid": mid}
    return figures | {"worst": worst, "levels": used, "isFilled": is_filled}


def decimals(levels: Levels, part: int) -> int:
    return max(len(level[part].partition(".")[2]) for level in levels)


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with exact figures as numbers, and rounded ones as texts."""
    exact = {name: Decimal(result[name]) for name in ("filled", "total", "unfilled", "mid")}
    shown = {name: result[name] for name in ("average", "slippage", "points")}
    shown = {name: text and without_sign_of_zero(text) for name, text in shown.items()}
    return {**result, **shown, **exact}


def test_market_order_is_filled_as_decimals_say() -> None:
    number = random.Random(5)
    cases: list[tuple[dict[str, str], dict[str, Levels]]] = []
    for _ in range(400):
        prices, qtys = number.choice([(1, 8), (2, 5), (0, 0), (5, 3), (10, 0)])
        bids, asks = book(number, prices, qtys)
        side, unit = number.choice(["buy", "sell"]), number.choice(["base", "quote"])
        amount = Decimal(number.randint(1, 10 ** number.randint(1, 13)))
        text = f"{amount.scaleb(-number.randint(0, 9)):f}"
        cases.append(({"side": side, "unit": unit, "amount": text}, {"bids": bids, "asks": asks}))
    script = "return given.map(([order, levels]) => module.fillOrder(order, levels))"
    results = run_module("charts/order.js", script, cases)
    with localcontext() as context:
        context.prec = 200
        for (order, levels), result in zip(cases, results, strict=True):
            expected = expected_order(order, levels["bids"], levels["asks"])
            assert comparable(result) == comparable(expected), (order, levels)
    assert {result["isFilled"] for result in results} == {True, False}
    assert None in {result["average"] for result in results}


def test_order_needs_both_sides() -> None:
    level = ["1.0", "1"]
    given = [{"bids": [], "asks": [level]}, {"bids": [level], "asks": []}]
    script = """
        const order = { side: "buy", unit: "base", amount: "1" }
        return given.map((levels) => module.fillOrder(order, levels))
    """
    assert run_module("charts/order.js", script, given) == [None, None]


def test_amount_is_a_decimal_above_zero() -> None:
    amounts = {
        "1": "1", " 2.50 ": "2.50", ".5": "0.5", "3.": "3", "007": "7", "0": None, "0.00": None,
        "": None, "-1": None, "1e5": None, "1,000": None, "\u0661": None, "NaN": None,
        "1" * 40: "1" * 40, "1" * 41: None,
    }  # fmt: skip
    script = "return given.map(module.parseAmount)"
    assert run_module("charts/order.js", script, list(amounts)) == list(amounts.values())


FIGURES = """
const { distancePoints, spreadPoints } = await load("parts/basis_points.js")
return given.map(({ bids, asks }) => ({
  mid: module.middle(bids[0][0], asks[0][0]),
  points: spreadPoints(bids[0][0], asks[0][0]),
  far: distancePoints(bids.at(-1)[0], module.middle(bids[0][0], asks[0][0])),
  imbalance: module.imbalance(bids, asks),
  sides: [bids, asks].map(module.cumulate),
  sum: module.sum(bids.map(([, qty]) => qty)),
}))
"""


@pytest.mark.parametrize(("prices", "qtys"), [(1, 8), (0, 0), (8, 2)])
def test_figures_of_a_book_are_those_of_decimals(prices: int, qtys: int) -> None:
    number = random.Random(prices)
    books = [book(number, prices, qtys) for _ in range(100)]
    given = [{"bids": bids, "asks": asks} for bids, asks in books]
    results = run_module("charts/figures.js", FIGURES, given)
    with localcontext() as context:
        context.prec = 200
        for (bids, asks), result in zip(books, results, strict=True):
            bid, ask = Decimal(bids[0][0]), Decimal(asks[0][0])
            mid = (bid + ask) / 2
            totals = [sum((Decimal(qty) for _, qty in side), Decimal(0)) for side in (bids, asks)]
            assert Decimal(result["mid"]) == mid
            assert result["points"] == rounded((ask - bid) / mid * 10_000, 2)
            far = rounded((Decimal(bids[-1][0]) - mid) / mid * 10_000, 2)
            assert result["far"] == without_sign_of_zero(far)
            share = (totals[0] - totals[1]) / (totals[0] + totals[1]) * 100
            assert result["imbalance"] == without_sign_of_zero(rounded(share, 2))
            assert Decimal(result["sum"]) == totals[0]
            for side, cumulated in zip((bids, asks), result["sides"], strict=True):
                qty = cost = Decimal(0)
                for (price, own), level in zip(side, cumulated, strict=True):
                    qty, cost = qty + Decimal(own), cost + Decimal(own) * Decimal(price)
                    assert level["price"] == price
                    assert (Decimal(level["qty"]), Decimal(level["cost"])) == (qty, cost)


def test_quotients_are_rounded_half_to_even() -> None:
    pairs = [(5, 2), (7, 2), (-5, 2), (-7, 2), (1, 3), (2, 3), (-1, 3), (5, -2), (0, 3)]
    script = "return given.map(([a, b]) => String(module.divide(BigInt(a), BigInt(b))))"
    expected = ["2", "4", "-2", "-4", "0", "1", "0", "-2", "0"]
    assert run_module("parts/exact.js", script, pairs) == expected


def test_imbalance_of_no_levels_is_unknown() -> None:
    assert run_module("charts/figures.js", "return module.imbalance([], [])") is None
