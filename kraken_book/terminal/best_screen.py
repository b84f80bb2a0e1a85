"""The screen of the best prices of one pair over all venues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from kraken_book.printable import printable
from kraken_book.symbols import pair_of
from kraken_book.terminal.best_lines import BestLines
from kraken_book.terminal.best_poll import BestPoll, PolledBest
from kraken_book.terminal.frame import Piece, TextFrame
from kraken_book.terminal.palette import Palette
from kraken_book.terminal.polling import PollFailed, PollRefused

MAX_WIDTH = 140
# The ages grow between two answers.
AGES_INTERVAL_SECONDS = 0.5


class BestPanel(Widget, can_focus=False):
    """The best prices in a frame. It scrolls if the window is too low.

    Args:
        pair: The pair, for the title.
        clock: The clock of the answers, for ages.
        palette: The styles.
    """

    DEFAULT_CSS = "BestPanel { width: 100%; height: 100%; }"

    def __init__(self, pair: str, clock: Callable[[], float], palette: Palette) -> None:
        super().__init__()
        self._pair = pair
        self._clock = clock
        self._palette = palette
        self._lines_of = BestLines(palette)
        self._answer: PolledBest | None = None
        self._failure: str | None = None
        self._lines: list[list[Piece]] = []
        self._top = 0

    def show_answer(self, answer: PolledBest) -> None:
        """Show an answer of the api."""
        self._answer, self._failure = answer, None
        self.fit(self.app.size)

    def show_failure(self, reason: str) -> None:
        """Show that there is no answer, and the last known books as not live."""
        self._failure = printable(reason)
        if self._answer is not None:
            self._answer = self._answer.without_live()
        self.fit(self.app.size)

    def fit(self, window: Size) -> None:
        """Make the lines again, and adapt the size to a window."""
        width = min(window.width, MAX_WIDTH)
        self._lines = self._make_lines(width - 2)
        self.styles.width = width
        self.styles.height = min(window.height, len(self._lines) + 2)
        self.refresh()

    def scroll_lines(self, lines: int) -> None:
        """Scroll by `lines`."""
        last = max(len(self._lines) - (self.size.height - 2), 0)
        self._top = max(min(self._top + lines, last), 0)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line of the frame or of the text."""
        frame = TextFrame(self._palette, self.size.width, has_focus=True)
        if y == 0:
            return frame.top([(f" best prices of {printable(self._pair)} ", frame.title)])
        if y == self.size.height - 1:
            return frame.bottom((), [(" b close ", self._palette.muted)])
        index = self._top + y - 1
        return frame.line(self._lines[index] if index < len(self._lines) else ())

    def _make_lines(self, width: int) -> list[list[Piece]]:
        palette = self._palette
        lines: list[list[Piece]] = []
        if self._failure is not None:
            lines.append([(f" {self._failure}", palette.warn)])
        if self._answer is not None:
            lines += self._lines_of.lines(self._answer, self._clock(), width)
        return lines or [[(" waiting for the api", palette.muted)]]


class BestScreen(ModalScreen[None]):
    """A screen over the ladders, which a key closes. Arrows scroll if the window is too low.

    Args:
        poll: The best prices.
        palette: The styles.
        on_failed: Called with an unexpected error, which ends the poll.
    """

    DEFAULT_CSS = "BestScreen { align: center middle; background: transparent; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,b,enter,tab", "app.pop_screen"),
        Binding("down", "scroll(1)"),
        Binding("up", "scroll(-1)"),
    ]

    def __init__(
        self, poll: BestPoll, palette: Palette, on_failed: Callable[[BaseException], None]
    ) -> None:
        super().__init__()
        self._poll = poll
        self._on_failed = on_failed
        self._panel = BestPanel(pair_of(poll.symbol), poll.clock, palette)
        self._polling: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        """Yield the panel."""
        yield self._panel

    def on_mount(self) -> None:
        """Start polling."""
        self._polling = asyncio.create_task(self._follow())
        self._polling.add_done_callback(self._on_done)
        self.set_interval(AGES_INTERVAL_SECONDS, self._fit)

    async def on_unmount(self) -> None:
        """Stop polling."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    def on_resize(self) -> None:
        """Adapt to the window's new size."""
        self._fit()

    def action_scroll(self, lines: int) -> None:
        """Scroll by `lines`."""
        self._panel.scroll_lines(lines)

    def _fit(self) -> None:
        self._panel.fit(self.app.size)

    async def _follow(self) -> None:
        try:
            async for answer in self._poll.answers():
                if isinstance(answer, PollFailed):
                    self._panel.show_failure(f"{answer}; trying again …")
                else:
                    self._panel.show_answer(answer)
        except PollRefused as refused:
            self._panel.show_failure(str(refused))

    def _on_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failed(error)
