"""The whole screen, letter by letter, at several sizes.

The screens are in `screens/`; after a change that is meant, write them anew and look at the
difference:

    RENEW_SCREENS=1 python -m pytest tests/kraken_book/terminal && git diff tests/kraken_book
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from rich.color import Color, ColorType
from rich.segment import Segment

from lab.scripted_api import ScriptedApi
from lab.waiting import async_wait_until
from tests.kraken_book.terminal.shown import Shown, shown

SCREENS = Path(__file__).parent / "screens"


async def assert_screen(terminal: Shown, name: str) -> None:
    """Wait until the screen is the one that is kept under this name."""
    file = SCREENS / f"{name}.txt"
    if os.environ.get("RENEW_SCREENS"):
        file.write_text(_screen(terminal))
    kept = file.read_text()
    with suppress(AssertionError):
        await async_wait_until(lambda: _screen(terminal) == kept, f"the screen {file}")
    assert _screen(terminal) == kept, f"another screen than {file}; see this module's docstring"


def _screen(terminal: Shown) -> str:
    seen = terminal.text.replace(terminal.app.host, "localhost:3000".ljust(len(terminal.app.host)))
    return "\n".join(line.rstrip() for line in seen.splitlines()) + "\n"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12), (200, 60)], ids=str)
async def test_the_ladders(api: ScriptedApi, size: tuple[int, int]) -> None:
    async with shown(api, size=size) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.until_silent("syncing")
        await assert_screen(terminal, f"ladders-{size[0]}x{size[1]}")


async def test_the_table_and_the_help_in_a_small_window(api: ScriptedApi) -> None:
    api.markets["ETH/USD"].row |= {"status": "stale", "reason": "age", "age_ms": 61_400}
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        await terminal.until_says("▸")
        await assert_screen(terminal, "table-80x24")
        await terminal.press("question_mark")
        await terminal.until_says("━ help ━")
        await assert_screen(terminal, "help-80x24")


async def test_books_that_are_not_live(api: ScriptedApi) -> None:
    async with shown(api, size=(120, 40)) as terminal:
        await terminal.until_live("SOL/USD")
        await terminal.until_silent("syncing")
        api.markets["BTC/USD"].status("stale", "age", by_api=True)
        api.markets["ETH/USD"].status("syncing", "checksum mismatch")
        api.markets["SOL/USD"].lag(3)
        await terminal.until_says("▲ stale", "checksum mismatch", "this reader fell behind")
        # The heading and the table follow within a second.
        await terminal.until_says("0 of 3 books live")
        await assert_screen(terminal, "not-live-120x40")


async def test_without_colour_everything_is_said_in_the_same_letters(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.until_silent("syncing")
        await assert_screen(terminal, "ladders-80x24")
        assert _colours(terminal) == set()
        bar = next(s for s in _segments(terminal) if s.text.startswith("█"))
        assert bar.style is not None
        assert bar.style.dim


async def test_of_a_terminal_with_sixteen_colours_its_own_are_taken(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        colours = _colours(terminal)
        assert colours
        assert {colour.type for colour in colours} == {ColorType.STANDARD}


async def test_with_colour_the_sides_differ_by_it(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        palette = terminal.app.palette
        assert palette.bid.price.color != palette.ask.price.color
        assert {palette.bid.price.color, palette.ask.price.color} <= _colours(terminal)


def _segments(terminal: Shown) -> list[Segment]:
    """What is on the screen, after Textual's own filters."""
    strips = terminal.app.screen._compositor.render_strips()
    return [segment for strip in strips for segment in strip]


def _colours(terminal: Shown) -> set[Color]:
    """The colours on the screen; the terminal's default is none."""
    styles = [segment.style for segment in _segments(terminal) if segment.style]
    colours = {colour for style in styles for colour in (style.color, style.bgcolor)}
    return {colour for colour in colours if colour is not None and not colour.is_default}
