"""A line of the window with words at its left and right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kraken_book.terminal.frame import Piece

Words = Sequence[Sequence[Piece]]


class TextLine(Widget, can_focus=False):
    """One line. If there is no room, words at the left are left out, the last word first.

    A word is a sequence of pieces, and is shown as a whole or not at all.
    """

    DEFAULT_CSS = "TextLine { width: 1fr; height: 1; }"

    def __init__(self, ground: Style) -> None:
        super().__init__()
        self._ground = ground
        self._left: Words = ()
        self._right: Sequence[Piece] = ()

    def show(self, left: Words, right: Sequence[Piece] = ()) -> None:
        """Show these words, and draw the line again if they have changed."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, _y: int) -> Strip:
        """Return the line."""
        width = self.size.width
        right = self._right if _cells(self._right) <= width else ()
        room = width - _cells(right)
        strip = Strip([Segment(*piece) for piece in _that_fit(self._left, room)])
        strip = strip.adjust_cell_length(room, self._ground)
        return Strip.join([strip, Strip([Segment(*piece) for piece in right])])


def _that_fit(words: Words, room: int) -> Sequence[Piece]:
    pieces: list[Piece] = []
    for word in words:
        room -= _cells(word)
        # The first word is cut, and not left out.
        if room < 0 and pieces:
            break
        pieces += word
    return pieces


def _cells(pieces: Sequence[Piece]) -> int:
    return sum(cell_len(text) for text, _ in pieces)
