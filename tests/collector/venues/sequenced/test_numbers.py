"""Texts of numbers are padded or cut to a fixed number of decimals."""

from __future__ import annotations

import pytest

from collector.venues.sequenced.book.faults import TooManyDecimals
from collector.venues.sequenced.book.numbers import fixed_text, read_level
from kraken_book.errors import LevelError
from kraken_book.precision import Precision


@pytest.mark.parametrize(
    ("text", "decimals", "fixed"),
    [
        ("78854.1", 2, "78854.10"),
        ("78854", 2, "78854.00"),
        ("0.35130000", 4, "0.3513"),
        ("6195.00000000", 0, "6195"),
        ("1.7e-7", 8, "0.00000017"),
        ("1e3", 1, "1000.0"),
        ("0", 8, "0.00000000"),
    ],
)
def test_zeros_are_added_or_cut(text: str, decimals: int, fixed: str) -> None:
    assert fixed_text(text, decimals) == fixed


@pytest.mark.parametrize(
    "text", ["0.35131000", "1.7e-9", "-1", "", ".", "NaN", "1,5", " 1", "\u0661", "1e999999999"]
)
def test_nonzero_decimals_and_invalid_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimals|price or quantity"):
        fixed_text(text, 4)


def test_level_of_quantity_zero_removes_its_price() -> None:
    precision = Precision(2, 8)
    assert read_level("78854.48", "0", precision) == (7885448, "")
    assert read_level("78854.48", "0.00000000", precision) == (7885448, "")
    assert read_level("78854.5", "0.5", precision) == (7885450, "0.50000000")


@pytest.mark.parametrize("level", [("0", "1"), ("x", "1"), ("1", "-1")])
def test_impossible_level_is_an_error(level: tuple[str, str]) -> None:
    with pytest.raises(LevelError, match="level"):
        read_level(*level, Precision(2, 2))


@pytest.mark.parametrize("level", [("1.234", "1"), ("1", "0.001"), ("1e-3", "1")])
def test_number_with_too_many_decimals_is_a_precision_fault(level: tuple[str, str]) -> None:
    with pytest.raises(TooManyDecimals):
        read_level(*level, Precision(2, 2))
