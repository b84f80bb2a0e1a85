"""Symbols, and the spellings that people use for them."""

from __future__ import annotations

import pytest

from kraken_book.symbols import (
    SymbolIndex,
    is_symbol,
    is_venue,
    mentioned,
    normalize_symbol,
    pair_of,
    spellings,
    suggest_symbols,
    symbol_of,
    venue_of,
)

KNOWN = ["BTC/USD", "ETH/USD", "DOGE/EUR", "SOL/USD"]
VENUES = [*KNOWN, "binance:BTC/USDT", "binance:ETH/USDT", "coinbase:BTC/USD", "coinbase:FOO-B/USD"]


@pytest.mark.parametrize(
    "name",
    ["BTC/USD", "btc/usd", "btc-usd", "Btc-Usd", "XBT/USD", "xbt-usd", "/BTC/USD", "btc-usd/"],
)
def test_all_spellings_of_a_symbol_normalize_to_one_form(name: str) -> None:
    assert normalize_symbol(name) == normalize_symbol("BTC/USD")


@pytest.mark.parametrize(
    ("name", "other"),
    [("xdg-eur", "DOGE/EUR"), ("XDG/EUR", "doge-eur"), ("eth/xbt", "ETH/BTC")],
)
def test_old_names_of_kraken_are_accepted(name: str, other: str) -> None:
    assert normalize_symbol(name) == normalize_symbol(other)


@pytest.mark.parametrize("name", ["BTC/EUR", "BTCUSD", "BTC", "XBTC/USD", ""])
def test_other_symbols_normalize_to_other_forms(name: str) -> None:
    assert normalize_symbol(name) != normalize_symbol("BTC/USD")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("btc-usdt", "BTC/USD"),
        ("XBT/UDS", "BTC/USD"),
        ("ETHUSD", "ETH/USD"),
        ("xdg-eu", "DOGE/EUR"),
    ],
)
def test_most_similar_symbol_is_suggested_first(name: str, expected: str) -> None:
    assert suggest_symbols(name, KNOWN)[0] == expected


def test_suggestions_are_few_and_none_without_similar_symbols() -> None:
    many = [f"BTC/US{letter}" for letter in "ABCDEFG"]
    assert len(suggest_symbols("BTC/US", many)) == 3
    assert suggest_symbols("qqqqqqqqqqqq", KNOWN) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("USD/BTC", ["BTC/USD"]),
        ("SLO/USD", ["SOL/USD"]),
        ("S0L/USD", ["SOL/USD"]),
        ("ETHUSDD", ["ETH/USD"]),
        ("eth_udsx", ["ETH/USD"]),
        ("DOGE/GBP", ["DOGE/EUR"]),
        ("xdg", ["DOGE/EUR"]),
        ("FOO/USD", []),
        ("FOOUSD", []),
        ("USD", []),
        ("", []),
        ("/", []),
        ("A" * 5000, []),
        ("-" * 5000, []),
    ],
)
def test_only_typos_transposed_sides_and_other_quotes_are_near(name: str, near: list[str]) -> None:
    assert suggest_symbols(name, KNOWN) == near


@pytest.mark.parametrize("name", ["FOO-B/USD", "foo-b/usd", "Foo-B/Usd", "foo-b-usd"])
def test_symbol_with_a_dash_in_a_side_is_found_by_every_spelling(name: str) -> None:
    assert SymbolIndex(["FOO/USD", "FOO-B/USD", "B/USD"]).find(name) == "FOO-B/USD"


def test_dash_within_a_side_is_not_the_slash() -> None:
    index = SymbolIndex(["FOO-B/USD", "FOO/B-USD"])
    assert index.find("foo-b/usd") == "FOO-B/USD"
    assert index.find("foo/b-usd") == "FOO/B-USD"
    assert index.find("foo-b-usd") is None, "two symbols match"


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("btc-usd", "BTC/USD"), ("xbt/usd", "BTC/USD"), ("BTC/USD", "BTC/USD"), ("btcusd", "BTC/USD")],
)
def test_known_symbol_is_found_by_its_spellings(name: str, symbol: str | None) -> None:
    assert SymbolIndex(KNOWN).find(name) == symbol


@pytest.mark.parametrize("name", ["BTCUSD", "xbtusd", "btc_usd", "XBT_USD", "btc.usd", "btc:usd"])
def test_symbol_is_found_without_its_slash(name: str) -> None:
    assert SymbolIndex(KNOWN).find(name) == "BTC/USD"


def test_ambiguous_joined_name_is_not_found_but_suggests_its_symbols() -> None:
    symbols = ["AB/CUSD", "ABC/USD", "X_Y/Z", "X-Y/Z"]
    for name in ("ABCUSD", "x_y_z"):
        assert SymbolIndex(symbols).find(name) is None
    assert suggest_symbols("ABCUSD", symbols) == ["ABC/USD", "AB/CUSD"]
    assert SymbolIndex(symbols).find("AB/CUSD") == "AB/CUSD"


def test_separator_at_another_place_is_not_the_symbol() -> None:
    assert SymbolIndex(KNOWN).find("BTCU-SD") is None
    assert SymbolIndex(KNOWN).find("BTCU/SD") is None


def test_old_name_within_a_side_is_kept() -> None:
    assert normalize_symbol("XBT-B/USD") == "XBT-B/USD"


@pytest.mark.parametrize(
    ("symbol", "venue", "pair"),
    [("BTC/USD", "kraken", "BTC/USD"), ("binance:BTC/USDT", "binance", "BTC/USDT")],
)
def test_symbol_is_split_into_venue_and_pair(symbol: str, venue: str, pair: str) -> None:
    assert (venue_of(symbol), pair_of(symbol)) == (venue, pair)
    assert symbol_of(venue, pair) == symbol


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("binance:BTC/USDT", "binance:BTC/USDT"),
        ("BINANCE:btc-usdt", "binance:BTC/USDT"),
        ("/binance:btc/usdt", "binance:BTC/USDT"),
        ("binance:BTCUSDT", "binance:BTC/USDT"),
        ("binance:btc_usdt", "binance:BTC/USDT"),
        ("kraken:xbt-usd", "BTC/USD"),
        ("Kraken:BTC/USD", "BTC/USD"),
        ("coinbase:foo-b-usd", "coinbase:FOO-B/USD"),
        # Kraken's old names are no names of other venues.
        ("coinbase:XBT/USD", None),
        ("coinbase:xbtusd", None),
        ("bitfinex:BTC/USD", None),
        ("BTC/USDT", None),
        ("binance:", None),
    ],
)
def test_symbol_of_a_venue_is_found_by_its_spellings(name: str, symbol: str | None) -> None:
    assert SymbolIndex(VENUES).find(name) == symbol


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("BTC/USDT", ["binance:BTC/USDT", "BTC/USD"]),
        ("bitfinex:btc-usd", ["BTC/USD", "coinbase:BTC/USD"]),
        ("binanse:BTC/USDT", ["binance:BTC/USDT"]),
        ("binance:BTC/UDST", ["binance:BTC/USDT"]),
        ("coinbase:ETH/USD", ["ETH/USD"]),
        ("binance:XBT/USD", ["BTC/USD"]),
        ("krakn:BTC/USD", ["BTC/USD", "coinbase:BTC/USD"]),
    ],
)
def test_same_pair_at_other_venues_and_near_names_are_suggested(name: str, near: list[str]) -> None:
    assert suggest_symbols(name, VENUES)[: len(near)] == near


def test_other_venues_leave_one_suggestion_for_near_names() -> None:
    venues = [f"venue{number}:BTC/USDT" for number in range(9)]
    assert suggest_symbols("BTC/USDT", [*venues, "BTC/USD"]) == [*venues[:2], "BTC/USD"]
    assert suggest_symbols("BTC/USDT", venues) == venues[:3]


def test_only_krakens_symbols_have_old_spellings() -> None:
    assert "XBT/USD" in spellings("BTC/USD")
    assert spellings("coinbase:BTC/USD") == ["coinbase:BTC/USD"]


@pytest.mark.parametrize("name", ["ok", "a1", "a" * 20])
def test_short_lower_case_words_are_venues(name: str) -> None:
    assert is_venue(name)
    assert is_symbol(f"{name}:BTC/USD")


@pytest.mark.parametrize("name", ["", "a", "1a", "A1", "a" * 21, "a-b", "a:b", "*"])
def test_other_words_are_no_venues(name: str) -> None:
    assert not is_venue(name)
    assert not is_symbol(f"{name}:BTC/USD")


@pytest.mark.parametrize("name", ["kraken:BTC/USD", "a1:b2:BTC/USD", "binance:BTC", "binance:"])
def test_other_forms_with_a_colon_are_not_symbols(name: str) -> None:
    assert not is_symbol(name)


@pytest.mark.parametrize("name", ["BTC/USD", "FOO-B/USD", "X_Y/USD", "USDT.M/EUR", "A" * 40 + "/B"])
def test_valid_names_are_symbols(name: str) -> None:
    assert is_symbol(name)


@pytest.mark.parametrize(
    "name",
    ["", "BTC", "A/B/C", "A,B/C", "A/B\n", "币安人生/USD", "A" * 41 + "/B", "*/USD", "A B/C"],
)
def test_invalid_names_are_not_symbols(name: str) -> None:
    assert not is_symbol(name)


def test_symbols_are_found_in_a_sentence() -> None:
    assert mentioned("Currency pair not supported XDG/USD") == ["XDG/USD"]
    assert mentioned("A/B, C-D/E: not supported; 'F/G'.") == ["A/B", "C-D/E", "F/G"]
    assert mentioned("see https://docs.example.com/a/b") == []
