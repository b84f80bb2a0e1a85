"""A level: its exact integers, its texts, and the values that it refuses."""

from __future__ import annotations

import pytest

from kraken_book.errors import LevelError
from kraken_book.level import make_level
from kraken_book.precision import Precision

BTC = Precision(1, 8)


def test_level_has_exact_integers_and_texts() -> None:
    level = make_level("45285.2", "0.00100000", BTC)
    assert (level.ticks, level.lots) == (452852, 100000)
    assert (level.price, level.qty) == ("45285.2", "0.00100000")
    assert level.checksum_text == "452852100000"
    assert level.json == '["45285.2","0.00100000"]'


def test_texts_have_the_decimals_of_the_precision() -> None:
    level = make_level("63381", "5.1e-05", BTC)
    assert (level.price, level.qty) == ("63381.0", "0.00005100")
    assert level == make_level("63381.000", "0.000051", BTC)


def test_zero_quantity_has_no_checksum_text() -> None:
    level = make_level("1.0", "0", BTC)
    assert (level.lots, level.json) == (0, '["1.0","0.00000000"]')
    assert level.checksum_text == ""


def test_checksum_text_has_no_leading_zeros() -> None:
    assert make_level("0.00001234", "0.00000056", Precision(8, 8)).checksum_text == "123456"


def test_quantities_above_2_to_the_53_lots_are_exact() -> None:
    level = make_level("0.0000012345", "90071992547409.93", Precision(10, 2))
    assert level.lots == 9007199254740993
    assert level.checksum_text == "123459007199254740993"


@pytest.mark.parametrize(
    ("price", "qty", "reason"),
    [
        ("63381.05", "1.0", "more than 1 decimals"),
        ("63381.0", "0.000000001", "more than 8 decimals"),
        ("-1.0", "1.0", "no price or quantity"),
        ("1.0", "-1.0", "no price or quantity"),
        ("NaN", "1.0", "no price or quantity"),
        ("0.0", "1.0", "the price is zero"),
        ("0", "0", "the price is zero"),
        ('"1.0"', "1.0", "no price or quantity"),
    ],
)
def test_impossible_level_is_refused_with_the_reason(price: str, qty: str, reason: str) -> None:
    with pytest.raises(LevelError, match=reason):
        make_level(price, qty, BTC)


def test_hostile_level_is_refused_with_a_short_message() -> None:
    with pytest.raises(LevelError) as caught:
        make_level("9" * 100_000, "9" * 100_000, BTC)
    assert len(str(caught.value)) < 300
