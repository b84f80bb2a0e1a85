"""Symbols by any spelling that people use."""

from __future__ import annotations

import pytest

from kraken_book.symbols import folded, nearest

KNOWN = ["BTC/USD", "ETH/USD", "DOGE/EUR", "SOL/USD"]


@pytest.mark.parametrize(
    "name",
    ["BTC/USD", "btc/usd", "btc-usd", "Btc-Usd", "XBT/USD", "xbt-usd", "/BTC/USD", "btc-usd/"],
)
def test_all_spellings_of_a_symbol_fold_to_one(name: str) -> None:
    assert folded(name) == folded("BTC/USD")


@pytest.mark.parametrize(
    ("name", "other"),
    [("xdg-eur", "DOGE/EUR"), ("XDG/EUR", "doge-eur"), ("eth/xbt", "ETH/BTC")],
)
def test_krakens_old_names_are_understood(name: str, other: str) -> None:
    assert folded(name) == folded(other)


@pytest.mark.parametrize("name", ["BTC/EUR", "BTCUSD", "BTC", "XBTC/USD", ""])
def test_other_symbols_do_not_fold_to_it(name: str) -> None:
    assert folded(name) != folded("BTC/USD")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("btc-usdt", "BTC/USD"),
        ("XBT/UDS", "BTC/USD"),
        ("ETHUSD", "ETH/USD"),
        ("xdg-eu", "DOGE/EUR"),
    ],
)
def test_the_nearest_known_symbol_comes_first(name: str, meant: str) -> None:
    assert nearest(name, KNOWN)[0] == meant


def test_nearest_gives_few_and_none_where_nothing_is_near() -> None:
    many = [f"BTC/US{letter}" for letter in "ABCDEFG"]
    assert len(nearest("BTC/US", many)) == 3
    assert nearest("qqqqqqqqqqqq", KNOWN) == []
