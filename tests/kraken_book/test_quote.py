"""Figures of a book: against fractions, and at the edges of what a book and a number can be."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_book.errors import Unusable
from kraken_book.level import Best, make_level
from kraken_book.precision import Precision, to_text
from kraken_book.quote import (
    QUOTIENT_DIGITS,
    Quote,
    imbalance,
    microprice,
    mid,
    parse_quantity,
    quote,
)

BIDS = [("100.0", "1.5"), ("99.5", "2.0")]
ASKS = [("100.5", "0.5"), ("101.0", "2.0"), ("103.0", "10.0")]


def quote_of(side: Any, qty: Any) -> Quote:
    return quote(side, qty, bids=BIDS, asks=ASKS)


def test_buying_takes_asks_from_the_lowest_up() -> None:
    bought = quote_of("buy", "1.5")
    assert tuple(bought) == (
        "buy", Decimal("1.5"), Decimal("1.5"), Decimal(0),
        Decimal("151.25"), Decimal("151.25") / Decimal("1.5"), Decimal("101.0"),
    )  # fmt: skip
    assert bought.is_filled


def test_selling_takes_bids_and_says_what_the_book_cannot_take() -> None:
    sold = quote_of("sell", 5)
    assert (sold.filled, sold.unfilled, sold.worst) == (
        Decimal("3.5"),
        Decimal("1.5"),
        Decimal("99.5"),
    )
    assert sold.total == Decimal("349.0")
    assert not sold.is_filled


def test_a_quantity_of_exactly_one_level_has_that_price_and_no_other() -> None:
    bought = quote_of("buy", "0.5")
    assert (bought.average, bought.worst) == (Decimal("100.5"), Decimal("100.5"))


def test_an_empty_side_fills_nothing() -> None:
    nothing = quote("buy", 1, bids=BIDS, asks=[])
    assert not nothing.filled
    assert not nothing.total
    assert nothing.unfilled == 1
    assert (nothing.average, nothing.worst) == (None, None)


def test_numbers_of_a_quote_are_plain_texts_for_json() -> None:
    tiny = quote("buy", "2", bids=[], asks=[("0.0000000120", "1.00")])
    assert tiny.to_dict() == {
        "side": "buy",
        "qty": "2",
        "filled": "1.00",
        "unfilled": "1.00",
        "total": "0.000000012000",
        "average": "0.0000000120",
        "worst": "0.0000000120",
    }


@pytest.mark.parametrize(
    ("qty", "shown"),
    [
        ("0.5", "<Quote buy 0.5 total 50.25 average 100.5 worst 100.5>"),
        ("1e3", "<Quote buy 1000 partial: 0.5 filled, 999.5 unfilled, total 50.25 average 100.5"),
    ],
)
def test_repr_of_a_quote_shows_whether_it_is_partial(qty: str, shown: str) -> None:
    assert repr(quote("buy", qty, bids=[], asks=[("100.5", "0.5")])).startswith(shown)


def test_repr_of_a_quote_without_levels_says_that_nothing_is_filled() -> None:
    assert repr(quote("sell", 1, bids=[], asks=ASKS)) == "<Quote sell 1: nothing filled>"


numbers = st.integers(1, 10**12)
sides = st.lists(st.tuples(numbers, numbers), max_size=12)


@given(sides, numbers)
def test_quote_equals_the_sum_of_fractions(levels: list[tuple[int, int]], lots: int) -> None:
    asks = [(to_text(ticks, 5), to_text(qty, 8)) for ticks, qty in sorted(levels)]
    bought = quote("buy", to_text(lots, 8), bids=[], asks=asks)
    left, total = Fraction(lots, 10**8), Fraction(0)
    for price, qty in asks:
        taken = min(left, Fraction(qty))
        total, left = total + taken * Fraction(price), left - taken
    assert (Fraction(bought.total), Fraction(bought.unfilled)) == (total, left)
    assert bought.filled + bought.unfilled == bought.qty
    if bought.average is not None:
        exact = total / Fraction(bought.filled)
        assert abs(Fraction(bought.average) - exact) <= exact / 10 ** (QUOTIENT_DIGITS - 1)


def test_figures_do_not_depend_on_the_decimal_context_of_the_program() -> None:
    with localcontext() as context:
        context.prec = 3
        assert quote_of("buy", "12.123456789").total == Decimal("1243.466049267")
        assert mid(BIDS[0], ASKS[0]) == Decimal("100.25")


def test_the_longest_numbers_are_summed_exactly() -> None:
    price, qty = "9" * 38 + ".9", "0." + "7" * 38
    bought = quote("buy", "1", bids=[], asks=[(price, qty)] * 2)
    assert Fraction(bought.total) == Fraction(price)


def test_levels_and_pairs_of_texts_give_the_same_figures() -> None:
    precision = Precision(1, 1)
    bids = [make_level(*pair, precision) for pair in BIDS]
    asks = [make_level(*pair, precision) for pair in ASKS]
    assert quote("buy", 3, bids=bids, asks=asks) == quote_of("buy", 3)
    assert microprice(bids[0], Best(*ASKS[0])) == microprice(BIDS[0], ASKS[0])


def test_mid_is_exact_and_needs_both_sides() -> None:
    assert str(mid(("63381.0", "1"), ("63381.1", "1"))) == "63381.05"
    assert mid(None, ASKS[0]) is None
    assert mid(BIDS[0], None) is None


def test_microprice_is_nearer_to_the_side_with_less_quantity() -> None:
    assert microprice(("100", "3"), ("101", "1")) == Decimal("100.75")
    assert microprice(("100", "1"), ("101", "3")) == Decimal("100.25")
    assert microprice(None, ASKS[0]) is None


def test_imbalance_is_between_only_asks_and_only_bids() -> None:
    assert imbalance(1, bids=BIDS, asks=ASKS) == Decimal("0.5")
    assert imbalance(2, bids=BIDS, asks=ASKS) == Decimal(1) / Decimal(6)
    assert imbalance(9, bids=[], asks=ASKS) == -1
    assert imbalance(9, bids=BIDS, asks=[]) == 1
    assert imbalance(1, bids=[], asks=[]) is None


@pytest.mark.parametrize("levels", [0, -1, 1.0, "1", True, None])
def test_imbalance_of_an_impossible_number_of_levels_is_an_error(levels: Any) -> None:
    with pytest.raises(Unusable, match="whole number above 0"):
        imbalance(levels, bids=BIDS, asks=ASKS)


@pytest.mark.parametrize("side", ["bid", "BUY", "", None, 1])
def test_side_that_is_neither_buy_nor_sell_is_an_error(side: Any) -> None:
    with pytest.raises(Unusable, match="is no side: use 'buy'"):
        quote_of(side, 1)


@pytest.mark.parametrize(
    ("given", "text"),
    [("1.5", "1.5"), (0.1, "0.1"), (2, "2"), (Decimal("1e-8"), "1E-8"), ("1e3", "1E+3")],
)
def test_quantity_is_taken_as_it_is_written(given: Any, text: str) -> None:
    assert str(parse_quantity(given)) == text


WRONG_QUANTITIES: list[tuple[Any, str]] = [
    ("", "no quantity"),
    ("abc", "no quantity"),
    ("1 5", "no quantity"),
    ("1_5", "no quantity"),
    ("\u0661", "no quantity"),
    ("nan", "no quantity"),
    (float("nan"), "no quantity"),
    (float("inf"), "no quantity"),
    (Decimal("sNaN"), "no quantity"),
    (None, "no quantity"),
    (True, "no quantity"),
    ("9" * 10_000, "no quantity"),
    (0, "not above 0"),
    ("-1", "'-1' is not above 0"),
    (10**40, "digits or decimals"),
    ("1e999999999", "digits or decimals"),
    ("1e-999999999", "digits or decimals"),
    (Decimal("1e-41"), "digits or decimals"),
]


def test_quantity_that_python_cannot_print_is_an_error() -> None:
    with pytest.raises(Unusable, match="a value of type int has more than 40 digits"):
        parse_quantity(10**6000)


@pytest.mark.parametrize(("given", "words"), WRONG_QUANTITIES)
def test_wrong_quantity_is_an_error_that_says_what_is_wrong(given: Any, words: str) -> None:
    with pytest.raises(Unusable, match=words) as caught:
        parse_quantity(given)
    assert len(str(caught.value)) < 200
