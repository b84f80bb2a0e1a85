"""The keys of Kraken and of other venues."""

from __future__ import annotations

from kraken_book.contract.keys import (
    FEED,
    SYMBOLS,
    WAKE,
    book_key,
    events_key,
    feed_key,
    lease_key,
    symbols_key,
    wake_key,
)


def test_keys_of_kraken_have_their_names() -> None:
    assert book_key("BTC/USD") == "kraken:book:{BTC/USD}"
    assert events_key("BTC/USD") == "kraken:events:{BTC/USD}"
    assert lease_key("0/1") == "kraken:lease:{0/1}"
    assert (WAKE, SYMBOLS, FEED) == ("kraken:wake", "kraken:symbols", "kraken:feed")


def test_keys_of_another_venue_begin_with_its_name_and_have_the_pair() -> None:
    assert book_key("binance:BTC/USDT") == "binance:book:{BTC/USDT}"
    assert events_key("binance:BTC/USDT") == "binance:events:{BTC/USDT}"
    assert lease_key("0/1", "binance") == "binance:lease:{0/1}"
    assert [key("binance") for key in (wake_key, symbols_key, feed_key)] == [
        "binance:wake",
        "binance:symbols",
        "binance:feed",
    ]
