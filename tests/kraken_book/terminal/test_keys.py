"""The keys, as the help describes them."""

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


async def test_arrows_and_digits_move_the_focus(api: ScriptedApi) -> None:
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
            await terminal.until(lambda: terminal.focused == symbol, f"{key} moves to {symbol}")  # noqa: B023


async def test_up_down_and_pages_move_by_a_row_and_scroll(
    api: ScriptedApi,
) -> None:
    async with shown(api) as terminal:
        await terminal.until_shown("2 ETH/USD")
        assert "3 SOL/USD" not in terminal.text
        for key, there, symbol in [
            ("down", "3 SOL/USD", "SOL/USD"),
            ("up", "2 ETH/USD", "BTC/USD"),
            ("pagedown", "3 SOL/USD", "SOL/USD"),
            ("pageup", "2 ETH/USD", "BTC/USD"),
        ]:
            await terminal.press(key)
            await terminal.until_shown(there)
            assert terminal.focused == symbol


async def test_plus_and_minus_change_the_number_of_levels(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until(lambda: _prices(terminal) == 20, "all levels are shown")
        await terminal.press("minus", "minus")
        await terminal.until(lambda: _prices(terminal) == 16, "two levels fewer on each side")
        await terminal.press("plus")
        await terminal.until(lambda: _prices(terminal) == 18, "one level more on each side")
        await terminal.press("plus", "plus", "plus")
        await terminal.until(lambda: _prices(terminal) == 20, "no more levels than the book has")
        await terminal.press(*["minus"] * 12)
        await terminal.until(lambda: _prices(terminal) == 2, "the best levels stay")


@pytest.mark.parametrize("key", ["o", "tab"])
async def test_o_and_tab_open_and_close_the_table(api: ScriptedApi, key: str) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press(key)
        await terminal.until_shown("best bid", "▸")
        assert "┠─ spread" not in terminal.text
        await terminal.press(key)
        await terminal.until_shown("┠─ spread")
        assert "▸" not in terminal.text


async def test_escape_closes_the_table_and_then_quits(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        await terminal.until_shown("▸")
        await terminal.press("escape")
        await terminal.until_gone("▸")
        assert terminal.app.is_running
        await terminal.press("escape")
        assert not terminal.app.is_running


async def test_enter_opens_the_ladder_under_the_cursor_with_the_focus(
    api: ScriptedApi,
) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o", "down", "down", "up", "end")
        await terminal.press("enter")
        await terminal.until_shown("2 SOL/USD", "164.28")
        assert terminal.focused == "SOL/USD"
        assert api.streams_asked == ["BTC/USD", "SOL/USD"]


async def test_enter_focuses_a_ladder_that_is_open(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("ETH/USD")
        await terminal.press("o", "home", "down", "enter")
        await terminal.until(lambda: terminal.focused == "ETH/USD", "the focus is on ETH/USD")
        assert len(api.streams_asked) == 1


async def test_x_closes_the_ladder_and_its_stream(api: ScriptedApi) -> None:
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("x")
        await terminal.until_shown("▸")
        assert "spread 0.1" not in terminal.text
        await terminal.until(lambda: not api.is_followed, "the stream is closed")
        await terminal.press("enter")
        await terminal.until_live("BTC/USD")


async def test_cursor_moves_by_rows_and_windows(api: ScriptedApi) -> None:
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
            await terminal.until(lambda: _cursor(terminal) == symbol, f"{key} moves to {symbol}")  # noqa: B023


@pytest.mark.parametrize("key", ["escape", "question_mark", "enter", "tab"])
async def test_help_shows_every_key_and_closes_by_several(api: ScriptedApi, key: str) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("question_mark")
        await terminal.until_shown("━ help ━")
        for keys, _ in KEYS:
            assert keys in terminal.text
        await terminal.press(key)
        await terminal.until_gone("━ help ━")
        assert terminal.app.is_running
        assert "▸" not in terminal.text


async def test_help_scrolls_in_a_low_window(api: ScriptedApi) -> None:
    async with shown(api, size=(40, 12)) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("question_mark")
        await terminal.until_shown("Tab")
        assert "quit" not in terminal.text
        await terminal.press(*["down"] * 40)
        await terminal.until_shown("match Kraken.")
        await terminal.press(*["up"] * 40)
        await terminal.until_shown("← → ↑ ↓")
        await terminal.press("q")
        assert not terminal.app.is_running


def _prices(terminal: Shown) -> int:
    """Return the number of visible levels."""
    return sum("63" in line and "0." in line for line in terminal.ladder("BTC/USD")[1:-1])


def _cursor(terminal: Shown) -> str | None:
    line = next((line for line in terminal.lines if "▸" in line), "")
    return next((word for word in line.split() if "/" in word), None)
