"""The report of a run: its rows, the machine, the table, and whether it is good."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report.rows import GoalVerdict, Row, short

HEAD = ("suite", "what", "ours", "beside", "ratio", "goal", "")
# Wide enough that a table in a file has no wrapped line.
FILE_WIDTH = 200
STYLES = {
    GoalVerdict.MET: "green",
    GoalVerdict.MISSED: "yellow",
    GoalVerdict.FAILED: "bold red",
    GoalVerdict.NOT_MEASURED: "dim",
}


class Measured(msgspec.Struct, frozen=True):
    """The rows of one suite."""

    name: str
    seconds: float
    """The duration of the suite."""
    rows: list[Row]


class Report(msgspec.Struct, frozen=True):
    """The rows of all suites of a run."""

    machine: str
    scale: float
    measured: list[Measured]

    @property
    def is_whole_load(self) -> bool:
        """Whether the whole load was used, so that goals count."""
        return self.scale >= 1

    @property
    def rows(self) -> Iterator[tuple[str, Row]]:
        """All rows, each with the name of its suite."""
        return ((each.name, row) for each in self.measured for row in each.rows)

    def verdict(self, row: Row) -> GoalVerdict:
        """Return the verdict of a row in this run."""
        is_judged = self.is_whole_load or row.verdict in (
            GoalVerdict.FAILED,
            GoalVerdict.NOT_MEASURED,
        )
        return row.verdict if is_judged else GoalVerdict.NONE

    @property
    def is_good(self) -> bool:
        """Whether no suite failed and, if goals count, no ratio misses its goal."""
        return not any(row.is_bad and self.verdict(row) for _, row in self.rows)

    @property
    def is_complete(self) -> bool:
        """Whether every goal has a figure that was measured with the whole load."""
        left_out = [row for _, row in self.rows if row.failed or (row.goal and row.not_measured)]
        return self.is_whole_load and not left_out

    def print(self, console: Console, *, details: bool = True) -> None:
        """Print the table, as Markdown if the console is no terminal."""
        table = Table(*HEAD, box=box.ROUNDED if console.is_terminal else box.MARKDOWN)
        for column, name in zip(table.columns, HEAD, strict=True):
            column.justify = "right" if name in ("ours", "ratio", "goal") else "left"
        before = None
        for name, row in self.rows:
            if row.is_detail and not details:
                continue
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
        by = "only ratios (x and %) decide whether the run is good"
        if not self.is_whole_load:
            by = f"{self.scale:.0%} of the load, so no goal counts"
        minutes, seconds = divmod(round(sum(each.seconds for each in self.measured)), 60)
        return f"{self.machine}, in {minutes}:{seconds:02}; {by}"
