"""The best prices of a pair over all venues, in the terminal."""

from __future__ import annotations

import pytest

from lab.scripted_api import ScriptedApi
from tests.kraken_book.terminal.shown import Shown, levels, shown
from tests.kraken_book.terminal.test_screens import assert_screen


@pytest.fixture
def venues(api: ScriptedApi) -> None:
    """Add the pair BTC/USD at three other venues, of which Coinbase's is stale.

    Bitfinex has the best bid, and Kraken the best ask. Coinbase's prices would be better.
    """
    api.market("binance:BTC/USD", levels(63384.3, -0.4), levels(63384.7, 0.4))
    bids, asks = levels(63385, -1, decimals=0), levels(63386, 1, decimals=0)
    bitfinex = api.market("bitfinex:BTC/USD", bids, asks, precision=(0, 8))
    bids, asks = levels(63390.25, -0.5, decimals=2), levels(63380.5, 0.5, decimals=2)
    coinbase = api.market("coinbase:BTC/USD", bids, [], precision=(2, 8))
    bitfinex.row |= {"proof": "sequence+checksum"}
    stale = {"proof": "sequence", "status": "stale", "reason": "age", "age_ms": 61_400}
    coinbase.row |= {**stale, "best_ask": {"price": asks[0][0], "qty": asks[0][1]}}


def venue_lines(terminal: Shown, venue: str) -> str:
    """Return the lines of a venue, at most two."""
    lines = terminal.lines
    index = next(i for i, line in enumerate(lines) if line.startswith(f"┃ {venue}"))
    return " ".join(lines[index : index + 2])


@pytest.mark.usefixtures("venues")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)], ids=str)
async def test_best_prices_equal_the_expected_screen(
    api: ScriptedApi, size: tuple[int, int]
) -> None:
    async with shown(api, "BTC/USD", size=size) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("b")
        await terminal.until_shown("best prices of BTC/USD", "kraken")
        await assert_screen(terminal, f"best-{size[0]}x{size[1]}")


@pytest.mark.usefixtures("venues")
async def test_best_prices_without_colours_have_the_same_text(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("b")
        await terminal.until_shown("3 of 4 venues")
        await assert_screen(terminal, "best-80x24")


@pytest.mark.usefixtures("venues")
async def test_marks_move_with_the_prices_and_leave_a_book_that_is_stale(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USD", size=(120, 40)) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("b")
        await terminal.until_shown("best bid  63385 at bitfinex", "best ask  63384.6 at kraken")
        await terminal.until_shown("-0.4, crossed: the bid is not below the ask")
        api.markets["bitfinex:BTC/USD"].row |= {"status": "stale", "reason": "age"}
        await terminal.until_shown("best bid  63384.5 at kraken", "spread    0.1 ", "2 of 4 venues")
        assert venue_lines(terminal, "kraken").count("best") == 2
        assert "best" not in venue_lines(terminal, "bitfinex").partition("binance")[0]
        for market in api.markets.values():
            market.row |= {"status": "syncing", "reason": "sequence"}
        await terminal.until_shown("best bid  — ", "best ask  — ", "0 of 4 venues", "left out")
        assert "crossed" not in terminal.text


@pytest.mark.parametrize("key", ["b", "escape", "enter", "tab"])
async def test_b_opens_the_pair_of_the_focus_and_several_keys_close_it(
    api: ScriptedApi, key: str
) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD", "ETH/USD")
        await terminal.press("2", "b")
        await terminal.until_shown("best prices of ETH/USD", "1 of 1 venue ")
        await terminal.press(key)
        await terminal.until_gone("best prices of")
        assert terminal.app.is_running
        await terminal.press("o", "end", "b")
        await terminal.until_shown("best prices of SOL/USD", "1 of 1 venue ")
        await terminal.press(key)
        await terminal.until_gone("best prices of")
        assert "▸" in terminal.text


@pytest.mark.usefixtures("venues")
async def test_key_of_the_best_prices_is_named_if_there_are_several_venues(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.until_shown("b best prices")
        await terminal.press("o")
        await terminal.until_shown("b best prices", "Enter ladder")
    for symbol in [symbol for symbol in api.markets if ":" in symbol]:
        del api.markets[symbol]
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        assert "best prices" not in terminal.text


@pytest.mark.usefixtures("venues")
async def test_no_book_is_live_while_the_api_does_not_answer(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("b")
        await terminal.until_shown("3 of 4 venues")
        api.has_books = False
        await terminal.until_shown("the api answers 503: no books today; trying again …")
        await terminal.until_shown("0 of 4 venues", "best bid  — ")
        assert "stale, left out" in venue_lines(terminal, "kraken")
        assert "63384.5" in venue_lines(terminal, "kraken")
        api.has_books = True
        await terminal.until_shown("3 of 4 venues")
        await terminal.until_gone("503")
        await api.stop()
        await terminal.until_shown("the api does not answer; trying again …", "0 of 4 venues")
        await api.start()
        await terminal.until_shown("3 of 4 venues")


@pytest.mark.usefixtures("venues")
async def test_pair_that_no_venue_has_any_more_is_named(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        for symbol in [symbol for symbol in api.markets if symbol.endswith("BTC/USD")]:
            del api.markets[symbol]
        await terminal.press("b")
        await terminal.until_shown("404, no venue has BTC/USD")
        await terminal.press("q")
        assert not terminal.app.is_running


async def test_best_prices_show_foreign_text_without_control_characters(api: ScriptedApi) -> None:
    evil = "a\x1b[2J\x9b\u202e\nb" + "x" * 5000
    api.markets["BTC/USD"].row |= {"proof": evil, "status": evil, "reason": evil, "spread": evil}
    async with shown(api, "ETH/USD", "BTC/USD", size=(120, 36)) as terminal:
        await terminal.until_live("ETH/USD")
        await terminal.press("2", "b")
        await terminal.until_shown("the server there is not a kraken-book api")
        api.markets["BTC/USD"].row |= {"status": "stale"}
        await terminal.until_shown("0 of 1 venue", "63384.5", "stale, left out")
        assert all(line.isprintable() for line in terminal.lines)
