"""Wires the terminal: the streams and `/books` to the board, keys to ladders and table.

One timer paints. Events only mark what changed, so that a screen costs the same whatever comes.
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
from textual.timer import Timer

from kraken_book.client import Refused
from kraken_book.printable import printable
from kraken_book.symbols import SymbolIndex, suggest_symbols
from kraken_book.terminal.arguments import Options
from kraken_book.terminal.board import Board
from kraken_book.terminal.books_poll import BooksPoll, PolledBook, PollFailed, PollRefused
from kraken_book.terminal.feed import TerminalFeed
from kraken_book.terminal.frame import Piece
from kraken_book.terminal.hangup import EXIT_CODE
from kraken_book.terminal.help import Help
from kraken_book.terminal.ladders import Ladders
from kraken_book.terminal.layout import Arrangement, arrange
from kraken_book.terminal.overview import Overview
from kraken_book.terminal.pace import Pace
from kraken_book.terminal.palette import palette_for
from kraken_book.terminal.text_line import TextLine
from kraken_book.terminal.texts import counted

PAINTS_A_SECOND = 20
# Ages grow while nothing happens; more often than this, they would only flicker.
AGES_A_SECOND = 2
# As many ladders as the page opens by itself.
FIRST_LADDERS = 4
MAX_SHOWN = 300


def _keys(keys: str, action: str, *, always: bool = False) -> Binding:
    """Keys for an action; with `always` before any that Textual binds, and over the help, too."""
    return Binding(keys, action, show=False, priority=always)


class TerminalApp(App[str]):
    """The terminal. `run` returns what went wrong in one line, None if nothing did.

    `clock` tells the seconds by which ages grow.
    """

    TITLE = "kraken-book"
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
        _keys("o", "overview"),
        _keys("tab", "overview", always=True),
        _keys("enter", "open"),
        _keys("x", "close_ladder"),
        _keys("question_mark", "help"),
        *(_keys(str(digit), f"focus_at({digit - 1})") for digit in range(1, 10)),
    ]

    def __init__(self, options: Options, clock: Callable[[], float] = monotonic) -> None:
        no_color = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self._options = options
        self._clock = clock
        self.palette = palette_for(no_color=no_color, color_system=self.console.color_system)
        self.feed = TerminalFeed(options.url, options.key, self._on_refused, self._on_failed)
        self.board = Board(self.feed.books, clock)
        self.ladders = Ladders(self.board, self.palette)
        self.overview = Overview(self.board, self.palette)
        self._main = Container(id="main")
        self._heading = TextLine(self.palette.ground)
        self._outage = TextLine(self.palette.outage)
        self._key_line = TextLine(self.palette.ground)
        # Without the password that a URL may have.
        self.host = printable(urlsplit(options.url).netloc.rpartition("@")[2])
        self.timers: list[Timer] = []
        self._pace = Pace()
        self._has_begun = self._is_marked = False
        self._hidden_told = 0
        self._is_away = False
        self._outage_shown: str | None = None
        self._polling: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        """Yield the parts, from the top."""
        yield self._heading
        yield self._outage
        with self._main:
            yield self.overview
            yield self.ladders
        yield self._key_line

    async def on_mount(self) -> None:
        """Begin to follow, to ask and to paint."""
        self.screen.set_styles(f"background: {self.palette.screen};")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.exit)
        loop.add_signal_handler(signal.SIGHUP, partial(self.exit, return_code=EXIT_CODE))
        self._polling = asyncio.create_task(self._poll())
        self._polling.add_done_callback(self._on_polled)
        self.timers = [
            self.set_interval(1 / PAINTS_A_SECOND, self.paint, name="paint"),
            self.set_interval(1 / AGES_A_SECOND, self.on_age, name="ages"),
        ]
        self._arrange()

    async def on_unmount(self) -> None:
        """Leave nothing behind."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await self.feed.close()

    def on_resize(self) -> None:
        """Another window has room for other parts."""
        self._arrange()

    # What comes in.

    async def _poll(self) -> None:
        poll = BooksPoll(self._options.url, self._options.key, self._clock)
        try:
            async for answer in poll.answers():
                if isinstance(answer, PollFailed):
                    self.board.take_failure(str(answer))
                else:
                    self.take_books(answer)
                self.refresh_ages()
        except PollRefused as refused:
            self.exit(printable(str(refused)), return_code=2)

    def take_books(self, books: list[PolledBook]) -> None:
        """Take what `/books` tells; the first books that there are say which ladders to open."""
        self.board.take_answer(books)
        if books and not self._has_begun:
            self._begin([book.symbol for book in books])
        elif self._options.is_all:
            self.ladders.open(book.symbol for book in books)

    def _begin(self, known: list[str]) -> None:
        if not self._options.symbols:
            served = [book.symbol for book in self.board.rows if book.status != "refused"]
            symbols = served[:FIRST_LADDERS]
        elif self._options.is_all:
            symbols = known
        else:
            symbols = self._named(known)
        if symbols:
            self._has_begun = True
            self.feed.follow(symbols, is_all=self._options.is_all)
            self.ladders.open(symbols)

    def _named(self, known: list[str]) -> list[str]:
        """Return the symbols of the arguments as the api writes them; leave if one is unknown."""
        index = SymbolIndex(known)
        found = {name: index.find(name) for name in self._options.symbols}
        unknown = [name for name, symbol in found.items() if symbol is None]
        if unknown:
            self.exit("; ".join(_unknown(name, known) for name in unknown), return_code=2)
            return []
        return list(dict.fromkeys(symbol for symbol in found.values() if symbol is not None))

    def _on_refused(self, refused: Refused) -> None:
        self.exit(f"the api answers {refused.status}: {printable(str(refused))}", return_code=2)

    def _on_polled(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failed(error)

    def _on_failed(self, error: BaseException) -> None:
        """Leave, and say why: without a stream or `/books` the screen would only grow old."""
        what = printable(f"{type(error).__name__}: {error}", MAX_SHOWN)
        self.exit(f"this terminal failed: {what}", return_code=1)

    # What goes out.

    def paint(self) -> None:
        """Draw what changed since the last time, as far as it is in sight."""
        begun = monotonic()
        if not self._pace.is_due(begun):
            return
        if self._hidden != self._hidden_told:
            self._show_keys()
        if self.feed.changed:
            self.ladders.mark(self.feed.changed)
            self.feed.changed.clear()
        if self.ladders.paint():
            # Textual writes to the terminal afterwards, and waits while that takes no more.
            self.call_after_refresh(lambda: self._pace.took(begun, monotonic()))

    def on_age(self) -> None:
        """Let all that is in sight tell its age anew.

        A stream that is away since the last time is an outage; one that is only
        asked for anew is none, and its ladder has said so already.
        """
        outage = self.feed.outage
        self._outage_shown = outage if self._is_away else None
        self._is_away = outage is not None
        self.refresh_ages()

    def refresh_ages(self) -> None:
        """Let all that is in sight tell its age and its status anew."""
        self.overview.show(self.ladders.symbols, self._clock())
        self.ladders.mark_all()
        self._arrange()

    def _arrange(self) -> None:
        """Give the parts the room that there is, and let the lines say what they have to."""
        outage = self._outage_text()
        self._outage.display = outage is not None
        self._outage.show([[(f" {outage}", self.palette.outage)]])
        # The line of keys is always there.
        width, height = self.size.width, self.size.height - 1 - self._outage.display
        parts = arrange(
            width,
            height,
            ladders=len(self.ladders.symbols),
            books=len(self.board.rows),
            overview_width=self.overview.natural_width,
            is_overview_open=self.overview.has_keys,
        )
        self._heading.display = parts.has_heading
        self._place_overview(parts)
        is_simulated = self.board.is_simulated
        banner = [(" SIMULATED MARKETS — not Kraken ", self.palette.banner)]
        self._heading.show(self._heading_words(), banner if is_simulated else [])
        self._is_marked = is_simulated and not parts.has_heading
        self.ladders.place()
        self._show_keys()

    def _show_keys(self) -> None:
        self._hidden_told = self._hidden
        mark = [(" SIMULATED ", self.palette.banner)]
        self._key_line.show(self._key_words(), mark if self._is_marked else [])

    @property
    def _hidden(self) -> int:
        """Return how many ladders the window has no room for."""
        return len(self.ladders.symbols) - len(self.ladders.shown)

    def _place_overview(self, parts: Arrangement) -> None:
        self._main.set_class(parts.overview == "beside", "beside")
        self.ladders.display = parts.overview != "alone"
        overview = self.overview
        overview.display = parts.overview != "hidden"
        overview.styles.height = parts.overview_lines
        overview.styles.width = overview.natural_width if parts.overview == "beside" else "1fr"

    def _outage_text(self) -> str | None:
        why = self.board.failure
        if why is None and self._outage_shown is not None:
            why = f"no stream: {self._outage_shown}"
        return None if why is None else f"{self.host}: {why}; trying again …"

    def _heading_words(self) -> list[list[Piece]]:
        palette = self.palette
        count = len(self.board.rows)
        live = f"  {self.board.live_count} of {counted(count, 'book')} live" if count else ""
        return [
            [(" kraken-book", palette.strong)],
            [(f"  {self.host}", palette.muted)],
            [(live, palette.muted)],
            [("  every change checked here against Kraken's checksum", palette.muted)],
        ]

    def _key_words(self) -> list[list[Piece]]:
        if self.overview.has_keys:
            keys = [
                ("q", "quit"),
                ("Enter", "ladder"),
                ("↑↓", "book"),
                ("o", "back"),
                ("?", "help"),
            ]
        else:
            keys = [("q", "quit"), ("o", "books"), ("?", "help")]
            if not self.ladders.symbols:
                return self._styled(keys)
            which = f"{self.ladders.index + 1}/{len(self.ladders.symbols)}"
            if self._hidden_told:
                which += f", {self._hidden_told} hidden"
            keys += [("←→ 1-9", f"ladder {which}"), ("+-", "levels"), ("x", "close")]
        return self._styled(keys)

    def _styled(self, keys: list[tuple[str, str]]) -> list[list[Piece]]:
        return [
            [(f" {key}", self.palette.focus), (f" {what} ", self.palette.muted)]
            for key, what in keys
        ]

    # Keys.

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool:
        """Return whether an action is possible now; of those of Tab, the help's comes first."""
        return action != "overview" or not isinstance(self.screen, Help)

    def action_leave(self) -> None:
        """Quit."""
        self.exit()

    def action_step_back(self) -> None:
        """Leave the table, or quit if the keys are the ladders'."""
        if self.overview.has_keys:
            self.action_overview()
        else:
            self.exit()

    def action_move(self, columns: int, rows: int) -> None:
        """Move among the ladders, or in the table."""
        if self.overview.has_keys:
            self.overview.move(rows + columns)
        else:
            self.ladders.move(columns, rows)

    def action_page(self, pages: int) -> None:
        """Move by a window."""
        (self.overview if self.overview.has_keys else self.ladders).page(pages)

    def action_end(self, direction: int) -> None:
        """Move to the first or to the last."""
        if self.overview.has_keys:
            self.overview.move(direction * len(self.board.rows))
        else:
            self.ladders.focus_at(0 if direction < 0 else len(self.ladders.symbols) - 1)

    def action_focus_at(self, index: int) -> None:
        """Give a ladder the focus."""
        if index < len(self.ladders.symbols):
            self._give_keys(to_overview=False)
            self.ladders.focus_at(index)

    def action_levels(self, step: int) -> None:
        """Show more or fewer levels."""
        self.ladders.change_levels(step)

    def action_overview(self) -> None:
        """Give the keys to the table, or back to the ladders."""
        self._give_keys(to_overview=not self.overview.has_keys)

    def action_open(self) -> None:
        """Open the ladder of the book that the cursor is on, and give it the focus."""
        symbol = self.overview.symbol
        if not self.overview.has_keys or symbol is None:
            return
        if not self.feed.follows(symbol):
            self.feed.follow([symbol])
        self.ladders.open([symbol])
        self.action_focus_at(self.ladders.symbols.index(symbol))

    def action_close_ladder(self) -> None:
        """Close the ladder that has the focus."""
        if self.overview.has_keys:
            return
        symbol = self.ladders.close()
        if symbol is not None:
            self.feed.leave(symbol)
        self._give_keys(to_overview=not self.ladders.symbols)

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(Help(self.palette))

    def _give_keys(self, *, to_overview: bool) -> None:
        self.overview.has_keys, self.ladders.has_keys = to_overview, not to_overview
        if to_overview and self.ladders.symbols:
            self.overview.point_at(self.ladders.symbols[self.ladders.index])
        self.refresh_ages()


def _unknown(name: str, known: list[str]) -> str:
    near = suggest_symbols(name, known)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return printable(f"there is no book of {name!r}{hint}", MAX_SHOWN)
