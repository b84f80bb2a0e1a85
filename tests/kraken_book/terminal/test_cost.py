"""Cost to fill, totals and the line of the mid on the screen."""

from __future__ import annotations

from decimal import Decimal

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.mids import SAMPLE_SECONDS
from lab.scripted_api import ScriptedApi, ScriptedMarket
from tests.kraken_book.terminal.shown import Shown, shown


def average(market: ScriptedMarket, quantity: str) -> str:
    """Return the average price of buying a quantity, with three decimals."""
    left, cost = Decimal(quantity), Decimal(0)
    for level in market.book.asks:
        part = min(left, Decimal(level.qty))
        left, cost = left - part, cost + part * Decimal(level.price)
    assert not left
    return f"{cost / Decimal(quantity):.3f}"


async def test_c_shows_the_cost_of_the_typed_order_while_the_book_is_live(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("c")
        await terminal.until_shown("▸ buy 0.3_ BTC/USD", f"average {average(btc, '0.3')}")
        await terminal.press("1", ".", "2")
        await terminal.until_shown("buy 1.2_", f"average {average(btc, '1.2')}", "7 of 10 levels")
        assert terminal.focused == "BTC/USD"
        btc.update(asks=[("63384.6", "5.00000000")])
        await terminal.until_shown("average 63384.600", "slippage 0.01 bp", "1 of 10 levels")
        await terminal.press("space", "delete", "9")
        await terminal.until_shown(
            "▸ sell 9_", "▲ not enough depth in the window: its 10 levels have 2.75005535 BTC"
        )
        await terminal.press("backspace")
        await terminal.until_shown("type a quantity above zero")
        await terminal.press("1", "right")
        await terminal.until_shown("sell 1_ ETH/USD")
        api.markets["ETH/USD"].status("syncing", "checksum mismatch")
        await terminal.until_shown("syncing, not live: no cost")
        assert "average" not in terminal.text
        await terminal.press("escape")
        await terminal.until_gone("sell 1_")
        assert terminal.app.is_running
        await terminal.press("1")
        await terminal.until(lambda: terminal.focused == "BTC/USD", "digits move the focus again")


async def test_t_shows_and_hides_totals(api: ScriptedApi, btc: ScriptedMarket) -> None:
    total = f"{sum(Decimal(level.qty) for level in list(btc.book.asks)[:9]):f}"
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        assert total not in terminal.text
        await terminal.press("t")
        await terminal.until_ladder_shows(total)
        await terminal.press("t")
        await terminal.until_gone(total)
    async with shown(api, "BTC/USD") as wide:
        await wide.until_live("BTC/USD")
        await wide.until_ladder_shows(total)
        await wide.press("t")
        await wide.until_gone(total)
    async with shown(api, size=(120, 40)) as high:
        await high.until_live("BTC/USD")
        await high.until_ladder_shows("quantity depth")
        await high.press("t")
        # The head of a short bar is left out as a whole.
        await high.until_ladder_shows("total")
        assert "dep" not in high.ladder_text("BTC/USD")


async def test_mid_is_a_line_of_blocks_beside_the_spread(
    api: ScriptedApi, btc: ScriptedMarket
) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        app = terminal.app
        bid, ask = btc.book.bids.best, btc.book.asks.best
        assert bid is not None
        assert ask is not None
        now = (Decimal(bid.price) + Decimal(ask.price)) / 2
        record(app, [now - 7, now - 3, now])
        await terminal.until(lambda: "▁▅█ " in middle(terminal), "the mids are shown")


def record(app: TerminalApp, values: list[Decimal]) -> None:
    for index, value in enumerate(values):
        now = (index + 1) * SAMPLE_SECONDS
        app.board.mids.record(now, ["BTC/USD"], {"BTC/USD": value}.get)
    app.refresh_ages()


def middle(terminal: Shown) -> str:
    return next(line for line in terminal.ladder("BTC/USD") if "spread" in line)
