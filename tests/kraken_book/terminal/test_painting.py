"""Painting draws at a limited rate, and only visible ladders that have changed."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from kraken_book.terminal.app import PAINTS_A_SECOND, TerminalApp
from kraken_book.terminal.pace import Pace
from lab.scripted_api import ScriptedApi
from tests.kraken_book.terminal.shown import Shown, levels, shown


class UnlimitedPace(Pace):
    """Permits every paint, however slow the machine is."""

    def is_due(self, _now: float) -> bool:
        return True


def shown_once_polled(api: ScriptedApi, *symbols: str) -> AbstractAsyncContextManager[Shown]:
    """Run a terminal that polls `/books` only once and paints without a limit."""
    return shown(api, *symbols, pace=UnlimitedPace(), poll_interval=3600.0)


def pause_timers(app: TerminalApp) -> None:
    """Leave painting to the test."""
    for timer in app.timers:
        timer.pause()


async def until_verified(terminal: Shown, symbol: str, count: int) -> None:
    """Wait until `count` events of `symbol` have been verified."""

    def is_verified() -> bool:
        live = terminal.app.board.live(symbol)
        return live is not None and live.counts.verified == count

    await terminal.until(is_verified, f"{count} events of {symbol} were verified")


async def test_terminal_paints_at_most_twenty_times_a_second(api: ScriptedApi) -> None:
    assert PAINTS_A_SECOND <= 20
    async with shown(api) as terminal:
        assert terminal.paint_timer() == (1 / PAINTS_A_SECOND, True)


async def test_burst_of_events_is_painted_once(api: ScriptedApi) -> None:
    async with shown_once_polled(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        app, market = terminal.app, api.markets["BTC/USD"]
        pause_timers(app)
        app.paint()
        before = app.ladders.paints
        for lots in range(500):
            market.update(bids=[("63384.5", f"{lots + 1}.00000000")])
        await until_verified(terminal, "BTC/USD", 501)
        assert app.ladders.paints == before
        assert "500.00000000" not in terminal.text
        app.paint()
        app.paint()
        assert app.ladders.paints == before + 1
        await terminal.until_shown("500.00000000", "501 verified")


async def test_only_visible_ladders_that_changed_are_painted(api: ScriptedApi) -> None:
    for number in range(7):
        api.market(f"T{number}/USD", levels(9.5, -0.1, 10), levels(9.6, 0.1, 10))
    async with shown_once_polled(api, "*") as terminal:
        await terminal.until_live("ETH/USD")
        app = terminal.app
        assert list(app.ladders.shown) == ["BTC/USD", "ETH/USD"]
        pause_timers(app)
        app.paint()
        before = app.ladders.paints
        for symbol in ("ETH/USD", "SOL/USD", "T6/USD"):
            api.markets[symbol].send_snapshot(0)
            await until_verified(terminal, symbol, 2)
        app.paint()
        assert app.ladders.paints == before + 1
        await terminal.press("end")
        app.paint()
        assert "2 verified" in "".join(terminal.ladder("T6/USD"))


async def test_hidden_ladders_are_not_painted_behind_the_table(api: ScriptedApi) -> None:
    async with shown_once_polled(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        await terminal.until_shown("▸")
        app = terminal.app
        pause_timers(app)
        before = app.ladders.paints
        api.markets["BTC/USD"].update(bids=[("63384.5", "5.00000000")])
        await until_verified(terminal, "BTC/USD", 2)
        app.paint()
        assert app.ladders.paints == before
        await terminal.press("o")
        app.paint()
        await terminal.until_shown("5.00000000")


def test_pace_leaves_as_much_time_as_painting_took() -> None:
    pace = Pace()
    assert pace.is_due(0.0)
    pace.record_paint(10.0, 10.3)
    assert not pace.is_due(10.59)
    assert pace.is_due(10.61)
