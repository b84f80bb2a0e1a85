"""The help: every key, and how to read a ladder."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from kraken_book.terminal.frame import Piece, TextFrame
from kraken_book.terminal.palette import Palette

MAX_WIDTH = 78
KEYS_WIDTH = 12
KEYS = (
    ("← → ↑ ↓", "move among the ladders, or in the table"),
    ("1 … 9", "move to this ladder"),
    ("+  -", "show more or fewer levels"),
    ("o  Tab", "open or close the table of all books"),
    ("b", "open or close the pair's best prices by venue"),
    ("c", "open or close cost to fill: Space side, 0-9 . Del quantity"),
    ("t", "show or hide the quantity up to each level, if wide enough"),
    ("Enter", "in the table: open the book's ladder"),
    ("x", "close the ladder"),
    ("PgUp PgDn", "move by a window"),
    ("Home End", "move to the first or the last"),
    ("?", "open or close this help"),
    ("Esc", "close help, cost or table; else quit"),
    ("q  Ctrl-C", "quit"),
)
READING = (
    "Asks are above the spread, bids below. A bar shows the quantity up to its level. "
    "Blocks: the mid of the last 5 minutes; a · had no live book.",
    "Every change is checked here against Kraken's checksum. A book that may be wrong is dimmed "
    "and shows the reason; an invalid book shows no levels until its next snapshot.",
    "Age: time since the book was last known to match Kraken.",
)


class HelpText(Widget, can_focus=False):
    """The help in a frame. It scrolls if the window is too low."""

    DEFAULT_CSS = "HelpText { width: 100%; height: 100%; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._top = 0

    def fit(self, window: Size) -> None:
        """Adapt the size to a window."""
        width = min(window.width, MAX_WIDTH)
        self.styles.width = width
        self.styles.height = min(window.height, len(self._lines(width - 2)) + 2)

    def scroll_lines(self, lines: int) -> None:
        """Scroll by `lines`."""
        width, height = self.size
        last = max(len(self._lines(width - 2)) - (height - 2), 0)
        self._top = max(min(self._top + lines, last), 0)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line of the frame or of the text."""
        frame = TextFrame(self._palette, self.size.width, has_focus=True)
        if y == 0:
            return frame.top([(" help ", frame.title)])
        if y == self.size.height - 1:
            return frame.bottom()
        lines = self._lines(frame.inner)
        index = self._top + y - 1
        return frame.line(lines[index] if index < len(lines) else ())

    def _lines(self, width: int) -> list[list[Piece]]:
        palette = self._palette
        lines: list[list[Piece]] = []
        for keys, effect in KEYS:
            first, *others = wrap(effect, max(width - KEYS_WIDTH - 1, 1))
            lines.append([(f" {keys:>9}  ", palette.focus), (first, palette.text)])
            lines += [[(" " * KEYS_WIDTH + text, palette.text)] for text in others]
        # One empty line only, so that the help fits into 24 lines.
        lines.append([])
        for paragraph in READING:
            texts = wrap(paragraph, max(width - 2, 1))
            lines += [[(f" {text}", palette.muted)] for text in texts]
        return lines


class Help(ModalScreen[None]):
    """A screen over the ladders, which a key closes. Arrows scroll if the window is too low."""

    DEFAULT_CSS = "Help { align: center middle; background: transparent; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,o,tab", "app.pop_screen"),
        Binding("down", "scroll(1)"),
        Binding("up", "scroll(-1)"),
    ]

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._text = HelpText(palette)

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield self._text

    def on_resize(self) -> None:
        """Adapt to the window's new size."""
        self._text.fit(self.app.size)

    def action_scroll(self, lines: int) -> None:
        """Scroll by `lines`."""
        self._text.scroll_lines(lines)
