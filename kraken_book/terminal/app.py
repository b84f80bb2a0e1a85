"""The terminal's application: it connects the streams, `/books` and the keys to the widgets.

One timer paints. Events only mark changed books, so that the cost of painting does not grow with
the rate of events.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import ClassVar
from urllib.parse import urlsplit

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen
from textual.timer import Timer

from kraken_book.client import Refused
from kraken_book.printable import printable
from kraken_book.terminal.arguments import Options, UnknownNames
from kraken_book.terminal.best_poll import BestPoll
from kraken_book.terminal.best_screen import BestScreen
from kraken_book.terminal.board import Board
from kraken_book.terminal.books_poll import (
    POLL_INTERVAL_SECONDS,
    BooksPoll,
    PolledBook,
)
from kraken_book.terminal.cost_line import CostLine
from kraken_book.terminal.feed import TerminalFeed
from kraken_book.terminal.hangup import EXIT_CODE
from kraken_book.terminal.help import Help
from kraken_book.terminal.ladders import Ladders
from kraken_book.terminal.layout import Arrangement, arrange
from kraken_book.terminal.overview import Overview
from kraken_book.terminal.pace import Pace
from kraken_book.terminal.palette import palette_for
from kraken_book.terminal.polling import PollFailed, PollRefused
from kraken_book.terminal.status_lines import StatusLines

PAINTS_A_SECOND = 20
# Faster updates of the ages would only flicker.
AGES_A_SECOND = 2
MAX_ERROR_CHARS = 300


def _keys(keys: str, action: str, *, always: bool = False) -> Binding:
    """Return a hidden binding of `keys`; `always` puts it before Textual's and the help's."""
    return Binding(keys, action, show=False, priority=always)


class TerminalApp(App[str]):
    """The terminal. `run` returns an error as one line, or None.

    Args:
        options: The api, the key and the symbols.
        clock: A monotonic clock in seconds, for ages.
        pace: Limits the share of time that painting takes.
        poll_interval: Seconds between two requests for `/books`.
    """

    TITLE = "kraken-book"
    # The keys are the app's until the cost to fill is opened.
    AUTO_FOCUS = None
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #main { width: 1fr; height: 1fr; overflow: hidden; }
    #main.beside { layout: horizontal; }
    #main.beside Overview { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _keys("q,ctrl+c,ctrl+q", "leave", always=True),
        _keys("escape", "step_back"),
        _keys("left", "move(-1, 0)"),
        _keys("right", "move(1, 0)"),
        _keys("up", "move(0, -1)"),
        _keys("down", "move(0, 1)"),
        _keys("pageup", "page(-1)"),
        _keys("pagedown", "page(1)"),
        _keys("home", "end(-1)"),
        _keys("end", "end(1)"),
        _keys("plus,equals_sign", "levels(1)"),
        _keys("minus,underscore", "levels(-1)"),
        _keys("b", "best"),
        _keys("c", "cost"),
        _keys("t", "totals"),
        _keys("o", "overview"),
        _keys("tab", "overview", always=True),
        _keys("enter", "open"),
        _keys("x", "close_ladder"),
        _keys("question_mark", "help"),
        *(_keys(str(digit), f"focus_at({digit - 1})") for digit in range(1, 10)),
    ]

    def __init__(
        self,
        options: Options,
        clock: Callable[[], float] = monotonic,
        pace: Pace | None = None,
        poll_interval: float = POLL_INTERVAL_SECONDS,
    ) -> None:
        no_color = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self._options = options
        self._clock = clock
        self.palette = palette_for(
            options.theme, no_color=no_color, color_system=self.console.color_system
        )
        self.feed = TerminalFeed(options.url, options.key, self._on_refused, self._on_failed)
        self.board = Board(self.feed.books, clock)
        self.ladders = Ladders(self.board, self.palette)
        self.overview = Overview(self.board, self.palette)
        self.cost_line = CostLine(self.board, self.ladders, self.palette)
        self._main = Container(id="main")
        # A URL may contain a password.
        self.host = printable(urlsplit(options.url).netloc.rpartition("@")[2])
        self._status_lines = StatusLines(
            self.board, self.ladders, self.overview, self.host, self.palette
        )
        self.timers: list[Timer] = []
        self._pace = pace or Pace()
        self._books_poll = BooksPoll(options.url, options.key, clock, poll_interval)
        self._polling: asyncio.Task[None] | None = None
        self._has_ladders = False
        # Whether a stream was down at the last update of the ages.
        self._had_outage = False
        # The outage of the streams that is shown, None if none is.
        self._shown_outage: str | None = None

    def compose(self) -> ComposeResult:
        """Yield the widgets, from the top."""
        yield self._status_lines.heading
        yield self._status_lines.outage
        with self._main:
            yield self.overview
            yield self.ladders
        yield self.cost_line
        yield self._status_lines.keys

    async def on_mount(self) -> None:
        """Start polling `/books` and painting. The first answer with books opens the streams."""
        self.screen.set_styles(f"background: {self.palette.screen};")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.exit)
        loop.add_signal_handler(signal.SIGHUP, partial(self.exit, return_code=EXIT_CODE))
        self._polling = asyncio.create_task(self._follow_poll())
        self._polling.add_done_callback(self._on_polling_ended)
        self.timers = [
            self.set_interval(1 / PAINTS_A_SECOND, self.paint, name="paint"),
            self.set_interval(1 / AGES_A_SECOND, self.on_age, name="ages"),
        ]
        self._arrange()

    async def on_unmount(self) -> None:
        """Stop polling, and close all streams."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await self.feed.close()

    def on_resize(self) -> None:
        """Arrange the widgets for the terminal's new size."""
        self._arrange()

    # Data from the api.

    async def _follow_poll(self) -> None:
        try:
            async for answer in self._books_poll.answers():
                if isinstance(answer, PollFailed):
                    self.board.record_failure(str(answer))
                else:
                    self.apply_books(answer)
                self.refresh_ages()
        except PollRefused as refused:
            self.exit(printable(str(refused)), return_code=2)

    def apply_books(self, books: list[PolledBook]) -> None:
        """Apply an answer of `/books`, and open ladders after the first answer that has books."""
        self.board.record_answer(books)
        if books and not self._has_ladders:
            self._open_first_ladders([book.symbol for book in books])
        elif self._options.is_all:
            self.ladders.open(book.symbol for book in books)

    def _open_first_ladders(self, known: list[str]) -> None:
        # Kraken sends no book of a symbol that it refuses.
        served = [book.symbol for book in self.board.rows if book.status != "refused"]
        try:
            symbols = self._options.resolve(known, served)
        except UnknownNames as error:
            self.exit(str(error), return_code=2)
            return
        if symbols:
            self._has_ladders = True
            self.feed.follow(symbols, is_all=self._options.is_all)
            self.ladders.open(symbols)

    def _on_refused(self, refused: Refused) -> None:
        self.exit(f"the api answers {refused.status}: {printable(str(refused))}", return_code=2)

    def _on_polling_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failed(error)

    def _on_failed(self, error: BaseException) -> None:
        """Exit with the error of a task that ended, because the screen would show old data."""
        message = printable(f"{type(error).__name__}: {error}", MAX_ERROR_CHARS)
        self.exit(f"this terminal failed: {message}", return_code=1)

    # Painting.

    def paint(self) -> None:
        """Draw the visible ladders of all books that have changed since the last time."""
        begun = monotonic()
        if not self._pace.is_due(begun):
            return
        self._status_lines.update_keys()
        if self.feed.changed:
            self.ladders.mark(self.feed.changed)
            self.feed.changed.clear()
            self.cost_line.update_cost()
        if self.ladders.paint():
            # A paint ends with the refresh, which writes to the terminal and waits if that is slow.
            self.call_after_refresh(lambda: self._pace.record_paint(begun, monotonic()))

    def on_age(self) -> None:
        """Update ages and statuses, and the outage of the streams.

        An outage is shown if two updates in a row find one. A stream that is only restarted is back
        before that.
        """
        outage = self.feed.outage
        self._shown_outage = outage if self._had_outage else None
        self._had_outage = outage is not None
        self.board.record_mids(self.ladders.symbols)
        self.refresh_ages()

    def refresh_ages(self) -> None:
        """Update the ages and statuses of all books."""
        self.overview.show(self.ladders.symbols, self._clock())
        self.ladders.mark_all()
        self.cost_line.update_cost()
        self._arrange()

    def _arrange(self) -> None:
        """Place the widgets in the terminal, and update the lines around them."""
        self._status_lines.show_outage(self._shown_outage)
        parts = arrange(
            self.size.width,
            self.size.height - self._status_lines.height - self.cost_line.height,
            ladders=len(self.ladders.symbols),
            books=len(self.board.rows),
            overview_width=self.overview.natural_width,
            is_overview_open=self.overview.has_keys,
        )
        self._place_overview(parts)
        self._status_lines.show_heading(has_room=parts.has_heading)
        self.ladders.place()
        self._status_lines.show_keys()

    def _place_overview(self, parts: Arrangement) -> None:
        self._main.set_class(parts.overview == "beside", "beside")
        self.ladders.display = parts.overview != "alone"
        overview = self.overview
        overview.display = parts.overview != "hidden"
        overview.styles.height = parts.overview_lines
        overview.styles.width = overview.natural_width if parts.overview == "beside" else "1fr"

    # Keys.

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool:
        """Return whether an action is possible; Tab must reach the binding of a screen on top."""
        return action != "overview" or not isinstance(self.screen, ModalScreen)

    def action_leave(self) -> None:
        """Quit."""
        self.exit()

    def action_step_back(self) -> None:
        """Close the cost to fill, return from the overview to the ladders, or quit."""
        if self.cost_line.display:
            self.action_cost()
        elif self.overview.has_keys:
            self.action_overview()
        else:
            self.exit()

    def action_move(self, columns: int, rows: int) -> None:
        """Move the focus among the ladders, or the cursor in the overview."""
        if self.overview.has_keys:
            self.overview.move(rows + columns)
        else:
            self.ladders.move(columns, rows)

    def action_page(self, pages: int) -> None:
        """Move the focus or the cursor by one page."""
        (self.overview if self.overview.has_keys else self.ladders).page(pages)

    def action_end(self, direction: int) -> None:
        """Move to the first or the last ladder or row."""
        if self.overview.has_keys:
            self.overview.move(direction * len(self.board.rows))
        else:
            self.ladders.focus_at(0 if direction < 0 else len(self.ladders.symbols) - 1)

    def action_focus_at(self, index: int) -> None:
        """Give the ladder at `index` the focus, if there is one."""
        if index < len(self.ladders.symbols):
            self._direct_keyboard(to_overview=False)
            self.ladders.focus_at(index)

    def action_levels(self, step: int) -> None:
        """Show more or fewer levels."""
        self.ladders.change_levels(step)

    def action_overview(self) -> None:
        """Direct the keyboard to the overview, or back to the ladders."""
        self._direct_keyboard(to_overview=not self.overview.has_keys)

    def action_open(self) -> None:
        """Open the ladder of the book under the cursor, and give it the focus."""
        symbol = self.overview.symbol
        if not self.overview.has_keys or symbol is None:
            return
        if not self.feed.follows(symbol):
            self.feed.follow([symbol])
        self.ladders.open([symbol])
        self.action_focus_at(self.ladders.symbols.index(symbol))

    def action_close_ladder(self) -> None:
        """Close the ladder with the focus."""
        if self.overview.has_keys:
            return
        symbol = self.ladders.close()
        if symbol is not None:
            self.feed.leave(symbol)
        self._direct_keyboard(to_overview=not self.ladders.symbols)

    def action_best(self) -> None:
        """Show the best prices of a pair over all venues, that of the selected book."""
        symbol = self.overview.symbol if self.overview.has_keys else self.ladders.symbol
        if symbol is not None:
            poll = BestPoll(self._options.url, self._options.key, symbol, self._clock)
            self.push_screen(BestScreen(poll, self.palette, self._on_failed))

    def action_cost(self) -> None:
        """Open or close the cost to fill an order."""
        self.cost_line.toggle()
        self._arrange()

    def action_totals(self) -> None:
        """Show or hide the totals of the ladders."""
        self.ladders.toggle_totals()

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(Help(self.palette))

    def _direct_keyboard(self, *, to_overview: bool) -> None:
        self.overview.has_keys, self.ladders.has_keys = to_overview, not to_overview
        if to_overview and self.ladders.symbols:
            self.overview.point_at(self.ladders.symbols[self.ladders.index])
        self.refresh_ages()
