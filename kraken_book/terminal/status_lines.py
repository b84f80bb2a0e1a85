"""The lines around the ladders: the heading, an outage, and the keys."""

from __future__ import annotations

from kraken_book.terminal.board import Board
from kraken_book.terminal.frame import Piece
from kraken_book.terminal.ladders import Ladders
from kraken_book.terminal.overview import Overview
from kraken_book.terminal.palette import Palette
from kraken_book.terminal.text_line import TextLine
from kraken_book.terminal.texts import counted

BANNERS = {
    "replay": "REPLAY OF A RECORDING — not live",
    "simulated": "SIMULATED MARKETS — not Kraken",
}


class StatusLines:
    """Writes the heading, the outage and the keys into their widgets.

    Args:
        board: The books, for counts and for the failure of `/books`.
        ladders: The ladders, for the numbers in the line of keys.
        overview: The table, which has other keys.
        host: The api's host, as it is shown.
        palette: The styles.
    """

    def __init__(
        self, board: Board, ladders: Ladders, overview: Overview, host: str, palette: Palette
    ) -> None:
        self.heading = TextLine(palette.ground)
        self.outage = TextLine(palette.outage)
        self.keys = TextLine(palette.ground)
        self._board = board
        self._ladders = ladders
        self._overview = overview
        self._host = host
        self._palette = palette
        self._mark: str | None = None
        self._hidden_shown = 0

    @property
    def height(self) -> int:
        """The lines that the outage and the keys take; the heading is not included."""
        return 1 + self.outage.display

    def show_outage(self, stream_outage: str | None) -> None:
        """Show why there is no answer from `/books`, or else no stream; hide the line if neither.

        Args:
            stream_outage: Why there is no stream, None if there is one.
        """
        reason = self._board.failure
        if reason is None and stream_outage is not None:
            reason = f"no stream: {stream_outage}"
        self.outage.display = reason is not None
        text = "" if reason is None else f" {self._host}: {reason}; trying again …"
        self.outage.show([[(text, self._palette.outage)]])

    def show_heading(self, *, has_room: bool) -> None:
        """Show the heading if there is room; otherwise name their source in the line of keys."""
        source = self._board.marked_source
        banner = [(f" {BANNERS[source]} ", self._palette.banner)] if source else []
        self.heading.display = has_room
        self.heading.show(self._heading_words(), banner)
        self._mark = None if has_room else source

    def show_keys(self) -> None:
        """Show the keys, and how many ladders have no room."""
        self._hidden_shown = self._hidden_count
        mark = [(f" {self._mark.upper()} ", self._palette.banner)] if self._mark else []
        self.keys.show(self._key_words(), mark)

    def update_keys(self) -> None:
        """Show the keys again if the number of hidden ladders has changed."""
        if self._hidden_count != self._hidden_shown:
            self.show_keys()

    @property
    def _hidden_count(self) -> int:
        return len(self._ladders.symbols) - len(self._ladders.shown)

    def _heading_words(self) -> list[list[Piece]]:
        palette = self._palette
        count = len(self._board.rows)
        live = f"  {self._board.live_count} of {counted(count, 'book')} live" if count else ""
        return [
            [(" kraken-book", palette.strong)],
            [(f"  {self._host}", palette.muted)],
            [(live, palette.muted)],
            [("  every change checked here against Kraken's checksum", palette.muted)],
        ]

    def _key_words(self) -> list[list[Piece]]:
        best = [("b", "best prices")] if self._board.has_venues else []
        if self._overview.has_keys:
            keys = [
                ("q", "quit"),
                ("Enter", "ladder"),
                ("↑↓", "book"),
                ("o", "back"),
                *best,
                ("?", "help"),
            ]
        else:
            keys = [("q", "quit"), ("o", "books"), *best, ("?", "help")]
            if self._ladders.symbols:
                number = f"{self._ladders.index + 1}/{len(self._ladders.symbols)}"
                if self._hidden_shown:
                    number += f", {self._hidden_shown} hidden"
                keys += [("←→ 1-9", f"ladder {number}"), ("+-", "levels"), ("x", "close")]
                keys += [("c", "cost to fill"), ("t", "totals")]
        return [
            [(f" {key}", self._palette.focus), (f" {effect} ", self._palette.muted)]
            for key, effect in keys
        ]
