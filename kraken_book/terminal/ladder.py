"""One book as a ladder: the asks with the best at the bottom, the spread, and the bids below."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.cells import cell_len
from textual.strip import Strip

from kraken_book.client import Counts, LiveBook
from kraken_book.level import Level
from kraken_book.printable import printable
from kraken_book.terminal.board import MARKED_SOURCES, Board
from kraken_book.terminal.frame import Piece, TextFrame
from kraken_book.terminal.level_line import LevelLines
from kraken_book.terminal.mids import sparkline
from kraken_book.terminal.palette import Palette
from kraken_book.terminal.texts import (
    MARKS,
    NOTHING,
    age_text,
    count_text,
    counted,
    first_that_fits,
    fitted,
)
from kraken_book.terminal.verdict import Verdict

# Digit keys select the first nine ladders.
MAX_DIGIT = 9
# A shorter line shows no movement.
MIN_SPARKLINE = 6


class Ladder:
    """Draws the book of one symbol.

    Args:
        symbol: The symbol.
        board: The state of all books.
        palette: The styles.
    """

    def __init__(self, symbol: str, board: Board, palette: Palette) -> None:
        self.symbol = symbol
        self._board = board
        self._palette = palette
        self._level_lines = LevelLines(palette)
        self.has_totals = False
        """Whether the last drawing had a column of totals."""

    def lines(
        self,
        number: int,
        width: int,
        levels: int,
        *,
        has_focus: bool,
        has_heads: bool,
        wants_totals: bool | None = None,
    ) -> list[Strip]:
        """Return the ladder as lines of `width` cells.

        Args:
            number: The ladder's number among all ladders.
            width: The width in cells.
            levels: The number of levels of each side.
            has_focus: Whether the ladder has the focus.
            has_heads: Whether the columns have names.
            wants_totals: Whether the user wants totals; None shows them if the ladder is wide.
        """
        frame = TextFrame(self._palette, width, has_focus=has_focus)
        live, verdict = self._board.live(self.symbol), self._board.verdict(self.symbol)
        asks, bids = (live.asks[:levels], live.bids[:levels]) if live else ([], [])
        self._level_lines.begin(asks, bids, wants_totals=wants_totals)
        self.has_totals = self._level_lines.has_totals(frame)
        body = self._body(frame, live, levels, verdict)
        if has_heads:
            body.insert(0, self._level_lines.heads(frame))
        return [self._head(frame, number, verdict), *body, self._foot(frame, live)]

    def _head(self, frame: TextFrame, number: int, verdict: Verdict) -> Strip:
        palette = self._palette
        style = {"live": palette.good, "refused": palette.bad}.get(verdict.status, palette.warn)
        status = f" {MARKS.get(verdict.status, '?')} {fitted(verdict.status, 12)} "
        name = self._board.source(self.symbol)
        is_marked = name in MARKED_SOURCES
        source: list[Piece] = [(f"{name} ", palette.simulated)] if is_marked else []
        digit = f"{number} " if number <= MAX_DIGIT else ""
        room = frame.inner - cell_len(status) - sum(len(text) for text, _ in source) - 4
        title = f" {fitted(digit + self.symbol, room)} "
        return frame.top([(title, frame.title), *source], [(status, style)])

    def _foot(self, frame: TextFrame, live: LiveBook | None) -> Strip:
        text = trust_line(live, self._board.age(self.symbol), frame.inner - 3)
        return frame.bottom([(f" {text} ", self._palette.muted)])

    def _body(
        self, frame: TextFrame, live: LiveBook | None, levels: int, verdict: Verdict
    ) -> list[Strip]:
        asks, bids = (live.asks[:levels], live.bids[:levels]) if live else ([], [])
        if verdict.reason is None:
            above, below = self._live_sides(frame, asks, bids)
        else:
            above, below = (self._level_lines.dimmed(frame, side) for side in (asks, bids))
        blank = frame.line()
        above += [blank] * (levels - len(above))
        below += [blank] * (levels - len(below))
        body = [*reversed(above), self._middle(frame, live), *below]
        if verdict.reason is not None:
            self._write_over(body, frame, verdict.reason)
        return body

    def _live_sides(
        self, frame: TextFrame, asks: Sequence[Level], bids: Sequence[Level]
    ) -> tuple[list[Strip], list[Strip]]:
        """Return the lines of both sides, best first, with bars of one scale."""
        whole = max(sum(level.lots for level in side) for side in (asks, bids))
        draw = self._level_lines.live
        return (
            draw(frame, asks, whole, self._palette.ask),
            draw(frame, bids, whole, self._palette.bid),
        )

    def _middle(self, frame: TextFrame, live: LiveBook | None) -> Strip:
        palette = self._palette
        spread: list[Piece] = []
        if live and live.spread is not None:
            spread = [(" spread ", palette.muted), (f"{live.spread} ", palette.strong)]
        trouble = troubles(live.counts, frame.inner // 2) if live else ""
        right: list[Piece] = [(f" {trouble} ", palette.warn)] if trouble else []
        room = frame.inner - sum(cell_len(text) for text, _ in (*spread, *right)) - 9
        line = sparkline(self._board.mids.of(self.symbol), room) if room >= MIN_SPARKLINE else ""
        if line:
            right = [(" mid ", palette.muted), (f"{line} ", palette.text), *right]
        return frame.middle(spread, right)

    def _write_over(self, body: list[Strip], frame: TextFrame, reason: str) -> None:
        """Write why the book is not live over the middle of the ladder."""
        texts = wrap(printable(reason), max(frame.inner - 4, 1))[: len(body)]
        box = [frame.centred(text, self._palette.warn) for text in texts]
        if len(box) + 2 <= len(body):
            box = [frame.middle(), *box, frame.middle()]
        start = (len(body) - len(box)) // 2
        body[start : start + len(box)] = box


def trust_line(live: LiveBook | None, age: float | None, width: int) -> str:
    """Return the number of verified events, the seq and the age, in at most `width` cells."""
    verified = live.counts.verified if live else 0
    seq = NOTHING if live is None or live.seq is None else str(live.seq)
    count, old = count_text(verified), age_text(age)
    return first_that_fits(
        (
            f"{count} verified · seq {seq} · age {old}",
            f"{count} verified  seq {seq}  age {old}",
            f"{count} verified  seq {seq}  {old}",
            f"{count} ok  seq {seq}  {old}",
            f"seq {seq}  {old}",
            old,
        ),
        width,
    )


def troubles(counts: Counts, width: int) -> str:
    """Return the counts of doubts, missed and conflated events; empty if all are zero."""
    texts_or_zeros = [
        counts.doubts and counted(counts.doubts, "doubt"),
        counts.lagged and f"{count_text(counts.lagged)} lagged",
        counts.missed and f"{count_text(counts.missed)} missed",
        counts.conflated and f"{count_text(counts.conflated)} conflated",
    ]
    counts_shown = [text for text in texts_or_zeros if text]
    if not counts_shown:
        return ""
    # If there is no room, leave out the last counts, and mark that with an ellipsis.
    texts = [" · ".join(counts_shown)]
    shorter = range(len(counts_shown) - 1, 0, -1)
    texts += [f"{' · '.join(counts_shown[:most])} …" for most in shorter]
    return first_that_fits(texts, width)
