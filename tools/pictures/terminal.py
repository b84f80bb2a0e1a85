"""Render the terminal's screen as HTML, with a size that leaves no gaps between characters."""

from __future__ import annotations

import asyncio
import io
import os

from rich.console import Console

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.arguments import Options
from kraken_book.terminal.palette import Theme
from lab.waiting import async_wait_until

VERIFIED = 25
"""The number of verified books after which each ladder shows typical changes."""

# At this font size a character is exactly 12 pixels wide and a block character 23 pixels high.
_PAGE = """<body style="margin: 0; background: {background}">
<pre style="margin: 0; padding: 12px 14px; width: max-content; color: {foreground};
font: 19.932px/23px 'DejaVu Sans Mono', monospace">{code}</pre>"""


def terminal_html(url: str, width: int, height: int, theme: Theme) -> str:
    """Return the terminal's screen for the api at `url`, after every ladder has changed."""
    os.environ["COLORTERM"] = "truecolor"
    os.environ.pop("NO_COLOR", None)
    return asyncio.run(_html(TerminalApp(Options(url, None, (), theme)), width, height))


async def _html(app: TerminalApp, width: int, height: int) -> str:
    async with app.run_test(size=(width, height)) as pilot:

        def has_changed() -> bool:
            books = app.feed.books.values()
            return bool(books) and all(book.counts.verified >= VERIFIED for book in books)

        await async_wait_until(has_changed, "every ladder has changed")
        app.refresh_ages()
        app.paint()
        await pilot.pause()
        console = Console(
            record=True,
            file=io.StringIO(),
            width=width,
            height=height,
            force_terminal=True,
            color_system="truecolor",
            legacy_windows=False,
        )
        console.print(app.screen._compositor.render_update(full=True), end="")
    ground = app.palette.ground
    assert ground.bgcolor is not None
    page = _PAGE.replace("{background}", ground.bgcolor.name)
    return console.export_html(code_format=page, inline_styles=True)
