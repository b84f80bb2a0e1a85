"""A terminal in a test: keys are pressed, and lines of text are read from the screen.

This is the only test module that uses undocumented parts of Textual.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from rich.segment import Segment
from textual.pilot import Pilot

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.arguments import Options
from kraken_book.terminal.books_poll import POLL_INTERVAL_SECONDS
from kraken_book.terminal.pace import Pace
from lab.scripted_api import ScriptedApi, ScriptedMarket
from lab.waiting import async_wait_until

# The upper edge of a ladder or of the table.
_FRAME = re.compile(r"╭[^╮]*╮|┏[^┓]*┓")


class Shown:
    """A running terminal."""

    def __init__(self, app: TerminalApp, pilot: Pilot[str]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def segments(self) -> list[list[Segment]]:
        """The styled texts of each line on the screen, after Textual's filters."""
        return [list(strip) for strip in self.app.screen._compositor.render_strips()]

    @property
    def lines(self) -> list[str]:
        """The lines on the screen."""
        return ["".join(segment.text for segment in line).rstrip() for line in self.segments]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def paint_timer(self) -> tuple[float, bool]:
        """Return the interval between two paints, and whether late paints are skipped."""
        timer = next(timer for timer in self.app.timers if timer.name == "paint")
        return timer._interval, timer._skip

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until they have been processed."""
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        await self._pilot.resize_terminal(width, height)
        await self._pilot.pause()

    async def until(self, condition: Callable[[], object], description: str) -> None:
        """Wait until `condition` is true; an error contains the screen."""
        try:
            await async_wait_until(condition, description)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from error
        await self._pilot.pause()

    async def until_shown(self, *words: str) -> None:
        """Wait until all `words` are on the screen."""
        await self.until(lambda: all(word in self.text for word in words), f"{words} are shown")

    async def until_live(self, *symbols: str) -> None:
        """Wait until the ladders of these symbols are visible and live."""
        await self.until(
            lambda: all(self._is_live(symbol) for symbol in symbols), f"{symbols} are live"
        )

    def _is_live(self, symbol: str) -> bool:
        ladder = "".join(self.ladder(symbol))
        return "● live" in ladder and "spread" in ladder

    async def until_gone(self, *words: str) -> None:
        """Wait until none of `words` is on the screen."""
        await self.until(lambda: not any(word in self.text for word in words), f"{words} are gone")

    async def until_ladder_shows(self, *words: str) -> str:
        """Wait until all `words` are in the ladder of BTC/USD; return its text at that moment."""
        text = ""

        def shows() -> bool:
            nonlocal text
            text = self.ladder_text("BTC/USD")
            return all(word in text for word in words)

        await self.until(shows, f"{words} are in the ladder")
        return text

    def ladder_text(self, symbol: str) -> str:
        """Return the lines of a ladder as one text."""
        return "\n".join(self.ladder(symbol))

    def ladder(self, symbol: str) -> list[str]:
        """Return the lines of a ladder without its neighbours, none if it is not visible."""
        lines = self.lines
        for y, line in enumerate(lines):
            frame = _FRAME.search(line)
            while frame is not None:
                if f" {symbol} " in frame[0]:
                    cut = [line[frame.start() : frame.end()] for line in lines[y:]]
                    ends = [i for i, line in enumerate(cut) if line[:1] in ("╰", "┗", "")]
                    return cut[: ends[0] + 1] if ends else cut
                frame = _FRAME.search(line, frame.end())
        return []

    @property
    def focused(self) -> str:
        """The symbol of the ladder with the focus, which has a heavy frame."""
        return next(line[line.index("┏") :].split()[2] for line in self.lines if "┏" in line)


@asynccontextmanager
async def shown(
    api: ScriptedApi | str,
    *symbols: str,
    size: tuple[int, int] = (80, 24),
    key: str | None = None,
    pace: Pace | None = None,
    poll_interval: float = POLL_INTERVAL_SECONDS,
) -> AsyncIterator[Shown]:
    """Run a terminal on an api. Its clock stands still, so that ages are those of `/books`."""
    url = api if isinstance(api, str) else api.url
    app = TerminalApp(Options(url, key, symbols), lambda: 0.0, pace, poll_interval)
    async with app.run_test(size=size) as pilot:
        yield Shown(app, pilot)


def levels(first: float, step: float, count: int = 10, decimals: int = 1) -> list[tuple[str, str]]:
    """Return levels from `first` on, with a different quantity each."""
    return [
        (f"{first + step * i:.{decimals}f}", f"{0.05 * (i + 1) + 0.00000123 * i:.8f}")
        for i in range(count)
    ]


def three_markets(api: ScriptedApi, source: str = "simulated") -> Sequence[ScriptedMarket]:
    """Add the markets BTC/USD, ETH/USD and SOL/USD to an api."""
    return [
        api.market("BTC/USD", levels(63384.5, -0.7), levels(63384.6, 0.9), source=source),
        api.market(
            "ETH/USD",
            levels(3421.25, -0.11, decimals=2),
            levels(3421.26, 0.07, decimals=2),
            precision=(2, 8),
            source=source,
        ),
        api.market(
            "SOL/USD",
            levels(164.24, -0.03, decimals=2),
            levels(164.28, 0.02, decimals=2),
            precision=(2, 8),
            source=source,
        ),
    ]
