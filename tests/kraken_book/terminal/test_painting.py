"""Painting costs the same whatever comes: once a tick, of what changed, of what is in sight."""

from __future__ import annotations

from kraken_book.terminal.app import PAINTS_A_SECOND, TerminalApp
from kraken_book.terminal.pace import Pace
from lab.scripted_api import ScriptedApi
from tests.kraken_book.terminal.shown import Shown, levels, shown


class _Unhurried(Pace):
    """However slow this machine is."""

    def is_due(self, _now: float) -> bool:
        return True


def _stand_still(app: TerminalApp) -> None:
    """Let nothing paint, and mark nothing, but what the test does."""
    app._pace = _Unhurried()
    for timer in app.timers:
        timer.pause()
    assert app._polling is not None
    app._polling.cancel()


async def _verified(terminal: Shown, symbol: str, count: int) -> None:
    def seen() -> bool:
        live = terminal.app.board.live(symbol)
        return live is not None and live.counts.verified == count

    await terminal.until(seen, f"{count} events of {symbol} were verified")


async def test_it_paints_twenty_times_a_second_at_most(api: ScriptedApi) -> None:
    assert PAINTS_A_SECOND <= 20
    async with shown(api) as terminal:
        paint = next(t for t in terminal.app.timers if t.name == "paint")
        assert paint._interval == 1 / PAINTS_A_SECOND
        # A tick that came too late is left out, not made up for.
        assert paint._skip


async def test_a_burst_of_events_is_painted_once(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        app, market = terminal.app, api.markets["BTC/USD"]
        _stand_still(app)
        app.paint()
        before = app.ladders.paints
        for lots in range(500):
            market.update(bids=[("63384.5", f"{lots + 1}.00000000")])
        await _verified(terminal, "BTC/USD", 501)
        assert app.ladders.paints == before
        assert "500.00000000" not in terminal.text
        app.paint()
        app.paint()
        assert app.ladders.paints == before + 1
        await terminal.until_says("500.00000000", "501 verified")


async def test_only_ladders_that_changed_and_are_in_sight_are_painted(api: ScriptedApi) -> None:
    for number in range(7):
        api.market(f"T{number}/USD", levels(9.5, -0.1, 10), levels(9.6, 0.1, 10))
    async with shown(api, "*") as terminal:
        await terminal.until_live("ETH/USD")
        app = terminal.app
        assert list(app.ladders.shown) == ["BTC/USD", "ETH/USD"]
        _stand_still(app)
        app.paint()
        before = app.ladders.paints
        for symbol in ("ETH/USD", "SOL/USD", "T6/USD"):
            api.markets[symbol].tell_snapshot(0)
            await _verified(terminal, symbol, 2)
        app.paint()
        assert app.ladders.paints == before + 1
        # What changed out of sight is there when it comes into sight.
        await terminal.press("end")
        app.paint()
        assert "2 verified" in "".join(terminal.ladder("T6/USD"))


async def test_nothing_is_painted_behind_the_table(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        await terminal.until_says("▸")
        app = terminal.app
        _stand_still(app)
        before = app.ladders.paints
        api.markets["BTC/USD"].update(bids=[("63384.5", "5.00000000")])
        await _verified(terminal, "BTC/USD", 2)
        app.paint()
        assert app.ladders.paints == before
        await terminal.press("o")
        app.paint()
        await terminal.until_says("5.00000000")


def test_painting_leaves_as_much_time_as_it_took() -> None:
    pace = Pace()
    assert pace.is_due(0.0)
    pace.took(10.0, 10.3)
    assert not pace.is_due(10.59)
    assert pace.is_due(10.61)
