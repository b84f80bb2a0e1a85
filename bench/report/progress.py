"""The progress of all suites: a bar in a terminal, otherwise a line for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.suite import Suite

Show = Callable[[str, float], None]
"""Called with the name of a step, and the share of its suite that is done."""


@contextmanager
def show_progress(suites: Sequence[Suite], console: Console) -> Iterator[Callable[[Suite], Show]]:
    """Yield a function that returns the `Show` of a suite."""
    total = sum(each.seconds for each in suites)
    begins = {
        each.name: sum(before.seconds for before in suites[:number])
        for number, each in enumerate(suites)
    }
    # No refresh thread, because processes end with the thread that started them.
    bar = Progress(
        BarColumn(),
        "{task.percentage:3.0f}%",
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", table_column=None),
        console=console,
        auto_refresh=False,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task("", total=total)

    def of_suite(suite: Suite) -> Show:
        def show(what: str, share: float) -> None:
            done = begins[suite.name] + suite.seconds * share
            if console.is_terminal:
                words = f"{suite.name}: {what}"
                bar.update(task, completed=done, description=words, refresh=True)
            else:
                # Not by rich, which would wrap the line.
                print(f"{done / total:4.0%} {suite.name}: {what}", file=console.file, flush=True)

        return show

    with bar:
        yield of_suite
