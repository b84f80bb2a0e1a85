"""Symbols by any spelling that people use."""

from __future__ import annotations

import pytest

from kraken_book.symbols import folded, nearest, parse_symbols

KNOWN = ["BTC/USD", "ETH/USD", "DOGE/EUR", "SOL/USD"]


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("BTC/USD", ("BTC/USD",)),
        ("BTC/USD,ETH/USD", ("BTC/USD", "ETH/USD")),
        (" ETH/USD , BTC/USD ,", ("ETH/USD", "BTC/USD")),
        ("BTC/USD,ETH/USD,BTC/USD", ("BTC/USD", "ETH/USD")),
        ("1INCH/USD,USDT.M/EUR", ("1INCH/USD", "USDT.M/EUR")),
    ],
)
def test_a_list_is_each_symbol_once_in_order(text: str, symbols: tuple[str, ...]) -> None:
    assert parse_symbols(text) == symbols


@pytest.mark.parametrize("bad", ["BTCUSD", "BTC/", "/USD", "BTC/USD/EUR", "BTC USD", "B€C/USD"])
def test_the_first_part_that_is_no_symbol_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match="is no symbol: it takes names such as BTC/USD") as caught:
        parse_symbols(f"ETH/USD,{bad}")
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("text", ["", " ", ",,", " , "])
def test_no_symbol_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at least one symbol"):
        parse_symbols(text)


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
