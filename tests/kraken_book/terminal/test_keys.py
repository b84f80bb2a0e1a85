"""Every key does what the help says."""

from __future__ import annotations

import pytest

from kraken_book.terminal.help import KEYS
from lab.scripted_api import ScriptedApi
from tests.kraken_book.terminal.shown import Shown, levels, shown

WIDE = (120, 36)


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c"])
async def test_q_escape_and_ctrl_c_quit(api: ScriptedApi, key: str) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press(key)
        assert not terminal.app.is_running
    assert terminal.app.return_code == 0


async def test_arrows_and_digits_move_the_focus_among_the_ladders(api: ScriptedApi) -> None:
    async with shown(api, size=WIDE) as terminal:
        await terminal.until_live("SOL/USD")
        for key, symbol in [
            ("right", "ETH/USD"),
            ("right", "SOL/USD"),
            ("right", "SOL/USD"),
            ("left", "ETH/USD"),
            ("1", "BTC/USD"),
            ("left", "BTC/USD"),
            ("3", "SOL/USD"),
            ("9", "SOL/USD"),
            ("home", "BTC/USD"),
            ("end", "SOL/USD"),
        ]:
            await terminal.press(key)
            await terminal.until(lambda: terminal.focused == symbol, f"{key} leads to {symbol}")  # noqa: B023


async def test_up_down_and_pages_move_by_a_row_and_bring_the_ladder_into_sight(
    api: ScriptedApi,
) -> None:
    async with shown(api) as terminal:
        await terminal.until_says("2 ETH/USD")
        assert "3 SOL/USD" not in terminal.text
        for key, there, symbol in [
            ("down", "3 SOL/USD", "SOL/USD"),
            ("up", "2 ETH/USD", "BTC/USD"),
            ("pagedown", "3 SOL/USD", "SOL/USD"),
            ("pageup", "2 ETH/USD", "BTC/USD"),
        ]:
            await terminal.press(key)
            await terminal.until_says(there)
            assert terminal.focused == symbol


async def test_plus_and_minus_show_more_and_fewer_levels(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until(lambda: _prices(terminal) == 20, "as many levels as there are")
        await terminal.press("minus", "minus")
        await terminal.until(lambda: _prices(terminal) == 16, "two levels fewer of each side")
        await terminal.press("plus")
        await terminal.until(lambda: _prices(terminal) == 18, "one more again")
        await terminal.press("plus", "plus", "plus")
        await terminal.until(lambda: _prices(terminal) == 20, "never more than there are")
        await terminal.press(*["minus"] * 12)
        await terminal.until(lambda: _prices(terminal) == 2, "the best level always")


@pytest.mark.parametrize("key", ["o", "tab"])
async def test_o_and_tab_lead_to_the_table_and_back(api: ScriptedApi, key: str) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press(key)
        await terminal.until_says("best bid", "▸")
        assert "┠─ spread" not in terminal.text
        await terminal.press(key)
        await terminal.until_says("┠─ spread")
        assert "▸" not in terminal.text


async def test_escape_leaves_the_table_first_and_quits_then(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        await terminal.until_says("▸")
        await terminal.press("escape")
        await terminal.until_silent("▸")
        assert terminal.app.is_running
        await terminal.press("escape")
        assert not terminal.app.is_running


async def test_enter_opens_the_ladder_that_the_cursor_is_on_and_gives_it_the_focus(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o", "down", "down", "up", "end")
        await terminal.press("enter")
        await terminal.until_says("2 SOL/USD", "164.28")
        assert terminal.focused == "SOL/USD"
        assert api.streams_asked == ["BTC/USD", "SOL/USD"]


async def test_enter_on_a_book_that_has_a_ladder_gives_it_the_focus(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("ETH/USD")
        await terminal.press("o", "home", "down", "enter")
        await terminal.until(lambda: terminal.focused == "ETH/USD", "the focus is on ETH/USD")
        assert len(api.streams_asked) == 1


async def test_x_closes_the_ladder_and_its_stream(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("x")
        await terminal.until_says("▸")
        assert "spread 0.1" not in terminal.text
        await terminal.until(lambda: not api.is_followed, "nobody follows any more")
        await terminal.press("enter")
        await terminal.until_live("BTC/USD")


async def test_the_cursor_moves_by_rows_and_by_windows(api: ScriptedApi) -> None:
    for number in range(40):
        api.market(f"T{number:02}/USD", levels(9.5, -0.1, 2), levels(9.6, 0.1, 2))
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        for key, symbol in [
            ("end", "T39/USD"),
            ("up", "T38/USD"),
            ("pageup", "T18/USD"),
            ("home", "BTC/USD"),
            ("pagedown", "T17/USD"),
            ("down", "T18/USD"),
        ]:
            await terminal.press(key)
            await terminal.until(lambda: _cursor(terminal) == symbol, f"{key} leads to {symbol}")  # noqa: B023


@pytest.mark.parametrize("key", ["escape", "question_mark", "enter", "tab"])
async def test_the_help_shows_every_key_and_any_way_out_leads_back(
    api: ScriptedApi, key: str
) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("question_mark")
        await terminal.until_says("━ help ━")
        for keys, _ in KEYS:
            assert keys in terminal.text
        await terminal.press(key)
        await terminal.until_silent("━ help ━")
        assert terminal.app.is_running
        assert "▸" not in terminal.text


async def test_the_help_scrolls_where_the_window_is_low(api: ScriptedApi) -> None:
    async with shown(api, size=(40, 12)) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("question_mark")
        await terminal.until_says("Tab")
        assert "quit" not in terminal.text
        await terminal.press(*["down"] * 18)
        await terminal.until_says("match Kraken.")
        await terminal.press(*["up"] * 18)
        await terminal.until_says("← → ↑ ↓")
        await terminal.press("q")
        assert not terminal.app.is_running


def _prices(terminal: Shown) -> int:
    """How many levels are in sight."""
    return sum("63" in line and "0." in line for line in terminal.ladder("BTC/USD")[1:-1])


def _cursor(terminal: Shown) -> str | None:
    line = next((line for line in terminal.lines if "▸" in line), "")
    return next((word for word in line.split() if "/" in word), None)
