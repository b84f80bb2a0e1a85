"""The terminal as its users see it: keys go in, lines of text come out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from kraken_book.terminal.app import TerminalApp
from kraken_book.terminal.arguments import Options
from lab.scripted_api import ScriptedApi, ScriptedMarket
from lab.waiting import async_wait_until

# The upper edge of a ladder, or of the table.
_FRAME = re.compile(r"╭[^╮]*╮|┏[^┓]*┓")


class Shown:
    """A terminal that runs."""

    def __init__(self, app: TerminalApp, pilot: Pilot[str]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys, and let the terminal answer them."""
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        await self._pilot.resize_terminal(width, height)
        await self._pilot.pause()

    async def until(self, look: Callable[[], object], what: str) -> None:
        """Return once `look` sees something; where it does not, say what was on the screen."""
        try:
            await async_wait_until(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from error
        await self._pilot.pause()

    async def until_says(self, *words: str) -> None:
        """Return once all these words are on the screen."""
        await self.until(lambda: all(word in self.text for word in words), f"screen says {words}")

    async def until_live(self, *symbols: str) -> None:
        """Return once the ladders of these symbols are in sight, and live."""
        await self.until(
            lambda: all(self._is_live(symbol) for symbol in symbols), f"{symbols} are live"
        )

    def _is_live(self, symbol: str) -> bool:
        ladder = "".join(self.ladder(symbol))
        return "● live" in ladder and "spread" in ladder

    async def until_silent(self, *words: str) -> None:
        """Return once none of these words is on the screen."""
        await self.until(
            lambda: not any(word in self.text for word in words), f"screen says not {words}"
        )

    def ladder(self, symbol: str) -> list[str]:
        """The lines of a ladder, without those of its neighbours; none where it is not in sight."""
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
        """The symbol whose ladder has the focus, as the heavy frame shows it."""
        return next(line[line.index("┏") :].split()[2] for line in self.lines if "┏" in line)


@asynccontextmanager
async def shown(
    api: ScriptedApi | str,
    *symbols: str,
    size: tuple[int, int] = (80, 24),
    key: str | None = None,
) -> AsyncIterator[Shown]:
    """A terminal on an api; its clock stands still, so that ages are those that `/books` tells."""
    url = api if isinstance(api, str) else api.url
    app = TerminalApp(Options(url, key, symbols), clock=lambda: 0.0)
    async with app.run_test(size=size) as pilot:
        yield Shown(app, pilot)


def levels(first: float, step: float, count: int = 10, decimals: int = 1) -> list[tuple[str, str]]:
    """Levels from `first` on, each with another quantity."""
    return [
        (f"{first + step * i:.{decimals}f}", f"{0.05 * (i + 1) + 0.00000123 * i:.8f}")
        for i in range(count)
    ]


def three_markets(api: ScriptedApi, source: str = "simulated") -> Sequence[ScriptedMarket]:
    """BTC/USD, ETH/USD and SOL/USD."""
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
