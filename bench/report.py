"""All rows of a run, with what they were measured on: as a table, as JSON, and good or not."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.rows import Row, Verdict, short

HEAD = ("benchmark", "what", "ours", "beside", "ratio", "goal", "")
# For who reads a file: no line of the table is as long.
FILE_WIDTH = 200
STYLES = {
    Verdict.MET: "green",
    Verdict.MISSED: "yellow",
    Verdict.FAILED: "bold red",
    Verdict.NOT_MEASURED: "dim",
}


class Measured(msgspec.Struct, frozen=True):
    """What one benchmark found."""

    name: str
    seconds: float
    """How long it took."""
    rows: list[Row]


class Report(msgspec.Struct, frozen=True):
    """What all of them found."""

    machine: str
    scale: float
    measured: list[Measured]

    @property
    def is_whole_load(self) -> bool:
        """Whether goals count: of a part of the load no ratio says anything."""
        return self.scale >= 1

    @property
    def rows(self) -> Iterator[tuple[str, Row]]:
        """All rows, with their benchmarks' names."""
        return ((each.name, row) for each in self.measured for row in each.rows)

    def verdict(self, row: Row) -> Verdict:
        """What a row comes to in this run."""
        is_judged = self.is_whole_load or row.verdict in (Verdict.FAILED, Verdict.NOT_MEASURED)
        return row.verdict if is_judged else Verdict.NONE

    @property
    def is_good(self) -> bool:
        """Whether nothing failed, and of all the load no ratio misses its goal."""
        return not any(row.is_bad and self.verdict(row) for _, row in self.rows)

    @property
    def is_complete(self) -> bool:
        """Whether every goal has its figure, of all the load."""
        left_out = [row for _, row in self.rows if row.failed or (row.goal and row.not_measured)]
        return self.is_whole_load and not left_out

    def print(self, console: Console) -> None:
        """Print the table: where it is no terminal, as Markdown has it."""
        table = Table(*HEAD, box=box.ROUNDED if console.is_terminal else box.MARKDOWN)
        for column, name in zip(table.columns, HEAD, strict=True):
            column.justify = "right" if name in ("ours", "ratio", "goal") else "left"
        before = None
        for name, row in self.rows:
            if before not in (None, name) and console.is_terminal:
                table.add_section()
            table.add_row("" if name == before else name, *self._cells(row))
            before = name
        if not console.is_terminal:
            console.width = FILE_WIDTH
        console.print(table)
        console.print(self._caption(), highlight=False)

    def _cells(self, row: Row) -> Iterator[str | Text]:
        theirs = "" if row.theirs is None else f" {short(row.theirs)}"
        verdict = self.verdict(row)
        yield row.what
        yield "" if row.ours is None else f"{short(row.ours)} {row.unit}"
        yield f"{row.beside}{theirs}"
        yield row.shown_ratio
        yield str(row.goal or "")
        yield Text(": ".join(filter(None, (verdict, row.why))), STYLES.get(verdict, ""))

    def _caption(self) -> str:
        by = "it is good or not by its ratios (x and %) alone"
        if not self.is_whole_load:
            by = f"{self.scale:.0%} of the load: it works or not, and no goal counts"
        minutes, seconds = divmod(round(sum(each.seconds for each in self.measured)), 60)
        return f"{self.machine}, in {minutes}:{seconds:02}; {by}"
