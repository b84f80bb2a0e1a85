"""How far all benchmarks together are: a bar in a terminal, else a line for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.catalogue import Benchmark

Tell = Callable[[str, float], None]
"""Told what is measured now, and which share of its benchmark is done."""


@contextmanager
def shown(
    benchmarks: Sequence[Benchmark], console: Console
) -> Iterator[Callable[[Benchmark], Tell]]:
    """What gives each benchmark, as it begins, whom to tell."""
    total = sum(each.seconds for each in benchmarks)
    begins = {
        each.name: sum(before.seconds for before in benchmarks[:number])
        for number, each in enumerate(benchmarks)
    }
    # No thread of its own: processes are started that must end with the thread that starts them.
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

    def teller(benchmark: Benchmark) -> Tell:
        def tell(what: str, share: float) -> None:
            done = begins[benchmark.name] + benchmark.seconds * share
            if console.is_terminal:
                words = f"{benchmark.name}: {what}"
                bar.update(task, completed=done, description=words, refresh=True)
            else:
                # As it stands: a file has no width.
                print(
                    f"{done / total:4.0%} {benchmark.name}: {what}", file=console.file, flush=True
                )

        return tell

    with bar:
        yield teller
