"""The whole screen at several sizes, compared with the files in `screens/`.

After an intended change, write the files again and review the difference:

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
    """Wait until the screen equals the file of this name."""
    file = SCREENS / f"{name}.txt"
    if os.environ.get("RENEW_SCREENS"):
        file.write_text(_screen(terminal))
    expected = file.read_text()
    with suppress(AssertionError):
        await async_wait_until(lambda: _screen(terminal) == expected, f"the screen {file}")
    assert _screen(terminal) == expected, (
        f"the screen differs from {file}; see this module's docstring"
    )


def _screen(terminal: Shown) -> str:
    seen = terminal.text.replace(terminal.app.host, "localhost:3000".ljust(len(terminal.app.host)))
    return "\n".join(line.rstrip() for line in seen.splitlines()) + "\n"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12), (200, 60)], ids=str)
async def test_ladders_equal_the_expected_screen(api: ScriptedApi, size: tuple[int, int]) -> None:
    async with shown(api, size=size) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.until_gone("syncing")
        await assert_screen(terminal, f"ladders-{size[0]}x{size[1]}")


async def test_table_and_help_equal_the_expected_screens(api: ScriptedApi) -> None:
    api.markets["ETH/USD"].row |= {"status": "stale", "reason": "age", "age_ms": 61_400}
    async with shown(api, "BTC/USD") as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.press("o")
        await terminal.until_shown("▸")
        await assert_screen(terminal, "table-80x24")
        await terminal.press("question_mark")
        await terminal.until_shown("━ help ━")
        await assert_screen(terminal, "help-80x24")


async def test_books_that_are_not_live_equal_the_expected_screen(api: ScriptedApi) -> None:
    async with shown(api, size=(120, 40)) as terminal:
        await terminal.until_live("SOL/USD")
        await terminal.until_gone("syncing")
        api.markets["BTC/USD"].status("stale", "age", by_api=True)
        api.markets["ETH/USD"].status("syncing", "checksum mismatch")
        api.markets["SOL/USD"].lag(3)
        await terminal.until_shown("▲ stale", "checksum mismatch", "this reader fell behind")
        await terminal.until_shown("0 of 3 books live")
        # The seq of ETH/USD is that of its status, as soon as /books is polled again.
        await assert_screen(terminal, "not-live-120x40")


async def test_screen_without_colours_has_the_same_text(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        await terminal.until_gone("syncing")
        await assert_screen(terminal, "ladders-80x24")
        assert _colours(terminal) == set()
        bar = next(s for s in _segments(terminal) if s.text.startswith("█"))
        assert bar.style is not None
        assert bar.style.dim


async def test_terminal_with_sixteen_colours_gets_only_those(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        colours = _colours(terminal)
        assert colours
        assert {colour.type for colour in colours} == {ColorType.STANDARD}


async def test_sides_differ_by_colour(api: ScriptedApi) -> None:
    async with shown(api) as terminal:
        await terminal.until_live("BTC/USD")
        palette = terminal.app.palette
        assert palette.bid.price.color != palette.ask.price.color
        assert {palette.bid.price.color, palette.ask.price.color} <= _colours(terminal)


def _segments(terminal: Shown) -> list[Segment]:
    return [segment for line in terminal.segments for segment in line]


def _colours(terminal: Shown) -> set[Color]:
    """Return the colours on the screen, except the terminal's default."""
    styles = [segment.style for segment in _segments(terminal) if segment.style]
    colours = {colour for style in styles for colour in (style.color, style.bgcolor)}
    return {colour for colour in colours if colour is not None and not colour.is_default}
