"""Selections of symbols: names, wildcards and exclusions."""

from __future__ import annotations

import pytest

from kraken_book.selection import Selection, parse_pairs, parse_selection, parse_wildcards

LISTED = ("USDT/USD", "BTC/USD", "BTC/EUR", "ETH/EUR", "1INCH/USD")


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
def test_list_of_names_is_each_name_once_in_order(text: str, symbols: tuple[str, ...]) -> None:
    assert parse_selection(text) == Selection(symbols, (), ())


@pytest.mark.parametrize("bad", ["BTCUSD", "BTC/", "/USD", "BTC/USD/EUR", "BTC USD", "B€C/USD"])
def test_first_invalid_name_is_in_the_error(bad: str) -> None:
    with pytest.raises(ValueError, match="is no symbol: use names such as BTC/USD") as caught:
        parse_selection(f"ETH/USD,{bad}")
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("text", ["", " ", ",,", " , "])
def test_empty_selection_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at least one symbol"):
        parse_selection(text)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("*", ("1INCH/USD", "BTC/EUR", "BTC/USD", "ETH/EUR", "USDT/USD")),
        ("*/*", ("1INCH/USD", "BTC/EUR", "BTC/USD", "ETH/EUR", "USDT/USD")),
        ("*/USD,!USDT/USD", ("1INCH/USD", "BTC/USD")),
        ("!USDT/USD,*/USD", ("1INCH/USD", "BTC/USD")),
        ("BTC/*", ("BTC/EUR", "BTC/USD")),
        ("*,!*/EUR", ("1INCH/USD", "BTC/USD", "USDT/USD")),
        ("ETH/EUR,*/USD,!USD*/USD", ("ETH/EUR", "1INCH/USD", "BTC/USD")),
        # A name is selected even if it is not listed.
        ("NEW/USD,BTC/*", ("NEW/USD", "BTC/EUR", "BTC/USD")),
        ("BTC/EUR,BTC/*", ("BTC/EUR", "BTC/USD")),
        ("*/GBP", ()),
    ],
)
def test_wildcards_select_the_matching_listed_symbols(text: str, symbols: tuple[str, ...]) -> None:
    assert parse_selection(text).of(LISTED) == symbols


@pytest.mark.parametrize("bad", ["*USD", "!", "**", "!!BTC/USD", "BTC/[A-Z]", "BTC/US?"])
def test_invalid_wildcard_is_in_the_error(bad: str) -> None:
    with pytest.raises(ValueError, match=r"wildcards such as \*/USD") as caught:
        parse_selection(f"BTC/USD,{bad}")
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("text", ["!USDT/USD", "BTC/USD,!BTC/*"])
def test_selection_that_excludes_everything_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at least one symbol"):
        parse_selection(text)


@pytest.mark.parametrize("name", ["FOO-B/USD", "X_Y/USD", "USDT.M/EUR", "A" * 40 + "/" + "B" * 40])
def test_symbol_that_a_wildcard_selects_can_be_named_and_excluded(name: str) -> None:
    assert parse_selection("*").of([name]) == (name,)
    assert parse_selection(name).of(()) == (name,)
    assert parse_selection(f"*,!{name}").of([name, "BTC/USD"]) == ("BTC/USD",)
    assert parse_selection(f"*,!{name[:3]}*/*").of([name]) == ()


def test_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="is no symbol"):
        parse_selection("A" * 41 + "/USD")


VENUES = ("BTC/EUR", "BTC/USD", "binance:BTC/USDT", "coinbase:BTC/USD", "coinbase:ETH/USD")


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("*", VENUES),
        ("*:*", VENUES),
        ("*/USD", ("BTC/USD",)),
        ("*/*", ("BTC/EUR", "BTC/USD")),
        ("kraken:*", ("BTC/EUR", "BTC/USD")),
        ("Kraken:*/USD", ("BTC/USD",)),
        ("coinbase:*/USD", ("coinbase:BTC/USD", "coinbase:ETH/USD")),
        ("COINBASE:*", ("coinbase:BTC/USD", "coinbase:ETH/USD")),
        ("*:BTC/USD", ("BTC/USD", "coinbase:BTC/USD")),
        ("*:BTC/*", ("BTC/EUR", "BTC/USD", "binance:BTC/USDT", "coinbase:BTC/USD")),
        ("*,!binance:*,!kraken:*", ("coinbase:BTC/USD", "coinbase:ETH/USD")),
        ("*,!*:*/USD", ("BTC/EUR", "binance:BTC/USDT")),
        ("*,!BTC/USD", tuple(symbol for symbol in VENUES if symbol != "BTC/USD")),
        ("binance:BTC/USDT,kraken:BTC/USD", ("binance:BTC/USDT", "BTC/USD")),
    ],
)
def test_wildcards_select_of_venues(text: str, symbols: tuple[str, ...]) -> None:
    selection = parse_selection(text)
    assert selection.of(VENUES) == symbols
    assert sorted(selection.among(VENUES)) == sorted(symbols)
    assert parse_selection(str(selection)) == selection


def test_only_a_bare_star_is_all_symbols() -> None:
    assert parse_selection("*").is_all
    assert parse_selection("*:*").is_all
    assert not parse_selection("kraken:*").is_all
    assert not parse_selection("*/*").is_all


@pytest.mark.parametrize(
    "bad", ["b*:BTC/USD", "a:BTC/USD", "binance:", "binance:BTC", "x1:y2:BTC/USD", "binance:*USD"]
)
def test_invalid_name_with_a_venue_is_in_the_error(bad: str) -> None:
    with pytest.raises(ValueError, match="is no symbol") as caught:
        parse_selection(f"BTC/USD,{bad}")
    assert repr(bad) in str(caught.value)


def test_equal_selections_of_venues_normalize_to_one() -> None:
    one = parse_selection("BINANCE:btc/usdt,kraken:xbt/usd").normalized()
    assert one == parse_selection("BTC/USD,binance:BTC/USDT").normalized()


def test_pairs_of_one_venue_may_have_its_name() -> None:
    text = "coinbase:BTC/USD,*/EUR,!Coinbase:DAI/EUR"
    assert parse_pairs(text, "coinbase") == parse_selection("BTC/USD,*/EUR,!DAI/EUR")
    assert parse_pairs("kraken:*") == parse_selection("*")


@pytest.mark.parametrize("bad", ["binance:BTC/USDT", "!binance:*", "*:BTC/USD"])
def test_symbol_of_another_venue_is_in_the_error(bad: str) -> None:
    with pytest.raises(ValueError, match="this list has symbols of kraken") as caught:
        parse_pairs(f"BTC/USD,{bad}")
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "selection"),
    [
        (["btc-usd", "kraken:*", "!xbt-usd"], "*/*,!BTC/USD"),
        (["*", "!kraken:*"], "*,!*/*"),
        (["*:btc/*", "!BINANCE:btc-usdt"], "*:BTC/*,!binance:BTC/USDT"),
    ],
)
def test_wildcards_and_exclusions_among_names_are_normalized(
    parts: list[str], selection: str
) -> None:
    assert parse_wildcards(parts) == parse_selection(selection)


def test_names_alone_have_no_wildcards() -> None:
    assert parse_wildcards(["BTC/USD", "binance:btc-usdt"]) is None
