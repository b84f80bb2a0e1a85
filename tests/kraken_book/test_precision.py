"""Conversion between texts and integers of their smallest unit: exact, and strict."""

from __future__ import annotations

import re
import string
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kraken_book.precision import MAX_TEXT, at_precision, to_text, units_of

PLAIN = re.compile(r"\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@pytest.mark.parametrize(
    ("text", "precision", "units"),
    [
        ("63381.0", 1, 633810),
        ("0.00005100", 8, 5100),
        ("0.00000000", 8, 0),
        ("5", 0, 5),
        ("5", 2, 500),
        ("5.1", 2, 510),
        ("0", 8, 0),
    ],
)
def test_text_is_converted_to_units(text: str, precision: int, units: int) -> None:
    assert at_precision(text, precision) == to_text(units, precision)
    assert units_of(at_precision(text, precision)) == units


@pytest.mark.parametrize(
    ("text", "precision", "units"),
    [
        ("9007199254740993", 0, 9007199254740993),
        ("90071992.54740993", 8, 9007199254740993),
        ("123456789012345678.12345678", 8, 12345678901234567812345678),
    ],
)
def test_integers_above_2_to_the_53_are_exact(text: str, precision: int, units: int) -> None:
    assert at_precision(text, precision) == to_text(units, precision)
    assert to_text(units, precision) == text


@pytest.mark.parametrize(
    ("text", "precision", "units"),
    [("1e-08", 8, 1), ("5e-05", 8, 5000), ("1.5E3", 1, 15000), ("1e+2", 0, 100), ("0e-30", 8, 0)],
)
def test_exponents_are_accepted(text: str, precision: int, units: int) -> None:
    assert at_precision(text, precision) == to_text(units, precision)


@pytest.mark.parametrize(
    ("text", "precision", "units"),
    [("63381.00", 1, 633810), ("63381.000000", 0, 63381), ("0.1000000000000", 8, 10_000_000)],
)
def test_zeros_beyond_the_precision_change_nothing(text: str, precision: int, units: int) -> None:
    assert at_precision(text, precision) == to_text(units, precision)


@pytest.mark.parametrize(
    ("text", "precision"),
    [("63381.05", 1), ("0.000000001", 8), ("1e-09", 8), ("0.5", 0), ("1e-999999", 8)],
)
def test_too_many_decimals_are_refused(text: str, precision: int) -> None:
    with pytest.raises(ValueError, match=f"more than {precision} decimals"):
        at_precision(text, precision)


WORDS = [".", "NaN", "nan", "sNaN", "Infinity", "-inf", "0x10", "abc", "null", "true", "{}"]
NEGATIVE = ["-1.0", "-0.0", "-0", "--1"]
MALFORMED = ["", "1.2.3", "1,5", '"1.0"', "1e", "e5", "1.-5", "+", "."]


@pytest.mark.parametrize("text", [*WORDS, *NEGATIVE, *MALFORMED])
def test_negative_number_or_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no price or quantity"):
        at_precision(text, 1)


@pytest.mark.parametrize("precision", [0, 1, 8])
@pytest.mark.parametrize(
    "text",
    ["\u0661\u0662", "\u0661.\u0662", "1.\u0665", "\uff11.0", "\u0967e2", "\u00b2", "1.\u00b2"],
)
def test_unicode_digits_are_refused(text: str, precision: int) -> None:
    with pytest.raises(ValueError, match="no price or quantity"):
        at_precision(text, precision)


@pytest.mark.parametrize("text", ["1_000.0", "1_0", " 1.0", "1.0\n", "\t1"])
def test_other_number_formats_of_python_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no price or quantity"):
        at_precision(text, 1)


@pytest.mark.parametrize("text", ["1e999999", "1e99999999999999999999", "9e60"])
def test_huge_exponents_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"larger than|no price"):
        at_precision(text, 8)


@pytest.mark.parametrize(
    "text",
    ["1" * (MAX_TEXT + 1), "0." + "0" * MAX_TEXT, "1" * 100_000],
    ids=["integer", "decimals", "hostile"],
)
def test_long_texts_are_refused_with_a_short_message(text: str) -> None:
    with pytest.raises(ValueError, match="no price or quantity") as caught:
        at_precision(text, 1)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("units", "precision", "text"),
    [
        (633810, 1, "63381.0"),
        (0, 8, "0.00000000"),
        (1, 8, "0.00000001"),
        (7, 0, "7"),
        (0, 0, "0"),
        (-15, 1, "-1.5"),
        (-1, 2, "-0.01"),
    ],
)
def test_units_are_written_with_all_decimals(units: int, precision: int, text: str) -> None:
    assert to_text(units, precision) == text


@given(st.integers(0, 10**35), st.integers(0, 12))
@example(2**53 + 1, 8)
@settings(deadline=None)
def test_written_units_are_read_as_the_same_integer(units: int, precision: int) -> None:
    text = to_text(units, precision)
    assert at_precision(text, precision) is text
    assert units_of(text) == units
    assert len(text.partition(".")[2]) == precision


@given(st.text(string.digits + ".eE+-_ ", max_size=12) | st.text(max_size=6), st.integers(0, 10))
@example("1_0.0", 1)
@settings(deadline=None, max_examples=500)
def test_random_text_is_exact_or_refused(text: str, precision: int) -> None:
    try:
        units = units_of(at_precision(text, precision))
    except ValueError:
        return
    assert PLAIN.fullmatch(text)
    assert Fraction(text) == Fraction(units, 10**precision)
