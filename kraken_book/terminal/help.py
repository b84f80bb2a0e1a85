"""The help: every key, and how to read a ladder."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kraken_book.terminal.palette import Palette

KEYS = (
    ("← → ↑ ↓", "move among the ladders, or in the table"),
    ("1 … 9", "to that ladder"),
    ("+ -", "show more or fewer levels"),
    ("o  Tab", "to the table of all books, and back"),
    ("Enter", "in the table: open the book's ladder"),
    ("x", "close the ladder"),
    ("PgUp PgDn", "move by a window"),
    ("Home End", "to the first, to the last"),
    ("?", "this help"),
    ("Esc", "leave help or table; else quit"),
    ("q  Ctrl-C", "quit"),
)
READING = (
    "Asks stand above the spread, bids below, the best ones next to it. A bar shows how much is "
    "offered up to its level.",
    "Every change is checked here against Kraken's checksum. A book that is not known to be right "
    "is dimmed and says why; one that was found wrong shows no levels until it comes again.",
    "verified: changes whose checksum was right. seq: the number of the last one. age: since when "
    "the book is not known to match Kraken.",
)


class Help(ModalScreen[None]):
    """Stands over the ladders until a key closes it; arrows scroll where it is longer."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help VerticalScroll { width: 64; max-width: 100%; height: auto; max-height: 100%;
        padding: 0 1; scrollbar-size: 0 0; }
    Help Static { width: 1fr; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,o,tab", "app.pop_screen", priority=True),
        Binding("q,ctrl+c", "app.leave", priority=True),
        Binding("down", "scroll(1)", priority=True),
        Binding("up", "scroll(-1)", priority=True),
    ]

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette

    def compose(self) -> ComposeResult:
        """The text, in what scrolls."""
        with VerticalScroll(can_focus=False):
            yield Static(self._text())

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _text(self) -> Text:
        palette = self._palette
        text = Text()
        for keys, what in KEYS:
            text.append(f"{keys:>10}  ", palette.focus)
            text.append(f"{what}\n", palette.text)
        for paragraph in READING:
            text.append(f"\n{paragraph}\n", palette.muted)
        text.right_crop(1)
        return text
