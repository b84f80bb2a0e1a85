"""Frames of box characters with words in their edges. A heavy frame has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from kraken_book.terminal.palette import Palette
from kraken_book.terminal.texts import fitted

Piece = tuple[str, Style]


class _Edge(NamedTuple):
    left: str
    line: str
    right: str


_THIN = (_Edge("╭", "─", "╮"), _Edge("├", "─", "┤"), _Edge("╰", "─", "╯"), "│")
_HEAVY = (_Edge("┏", "━", "┓"), _Edge("┠", "─", "┨"), _Edge("┗", "━", "┛"), "┃")


class TextFrame:
    """A frame of `width` cells. The caller makes its lines one by one."""

    def __init__(self, palette: Palette, width: int, *, has_focus: bool) -> None:
        self.inner = max(width - 2, 0)
        """The number of cells between the frame's sides."""
        self.has_focus = has_focus
        self.title = palette.focus if has_focus else palette.strong
        """The style of the frame's title."""
        self._style = palette.focus if has_focus else palette.frame
        self._ground = palette.ground
        self._top, self._middle, self._bottom, side = _HEAVY if has_focus else _THIN
        self._side = Segment(side, self._style)

    def top(self, left: Sequence[Piece] = (), right: Sequence[Piece] = ()) -> Strip:
        """Return the upper edge, with words at its left and right."""
        return self._edge(self._top, left, right)

    def middle(self, left: Sequence[Piece] = (), right: Sequence[Piece] = ()) -> Strip:
        """Return a line across the frame."""
        return self._edge(self._middle, left, right)

    def bottom(self, left: Sequence[Piece] = (), right: Sequence[Piece] = ()) -> Strip:
        """Return the lower edge."""
        return self._edge(self._bottom, left, right)

    def line(self, pieces: Sequence[Piece] = (), cells: int | None = None) -> Strip:
        """Return a line between the sides, cut or padded to the width.

        Args:
            pieces: The texts with their styles.
            cells: The width of the pieces, if the caller knows it already.
        """
        segments = [Segment(text, style) for text, style in pieces if text]
        if cells is None:
            cells = sum(segment.cell_length for segment in segments)
        rest = self.inner - cells
        if rest < 0:
            segments = list(Strip(segments).crop(0, self.inner))
        elif rest:
            segments.append(Segment(" " * rest, self._ground))
        return Strip([self._side, *segments, self._side], self.inner + 2)

    def centred(self, text: str, style: Style) -> Strip:
        """Return a line with a centred text."""
        text = fitted(text, self.inner)
        return self.line(
            [(" " * ((self.inner - cell_len(text)) // 2), self._ground), (text, style)]
        )

    def _edge(self, edge: _Edge, left: Sequence[Piece], right: Sequence[Piece]) -> Strip:
        words = sum(cell_len(text) for text, _ in (*left, *right))
        # Draw one cell of the edge before the first word and after the last one if there is room.
        room = self.inner - words
        before = edge.line if left and room > 0 else ""
        after = edge.line if right and room > len(before) else ""
        between = edge.line * (self.inner - words - len(before) - len(after))
        pieces = [
            (edge.left + before, self._style),
            *left,
            (between, self._style),
            *right,
            (after + edge.right, self._style),
        ]
        strip = Strip([Segment(text, style) for text, style in pieces if text])
        return strip.adjust_cell_length(self.inner + 2, self._ground)
