"""The table of the steps and their effects on the readers."""

from __future__ import annotations

from collections.abc import Iterator

from tools.compose.run import ComposeRun, StepResult
from tools.console import table

_HEAD = (
    *("step", "s", "events", "longest wait s", "interruptions", "refused"),
    *("conflated", "uncounted", "missed", "/depth 200", "others"),
)


def report(run: ComposeRun) -> Iterator[str]:
    """Render the report of a run.

    Yields:
        The lines of the report.

    """
    yield from table(_HEAD, [_row(each) for each in run.results])
    yield ""
    yield from table(
        ("replica", "answers", "most streams at once"),
        [(name, str(each.answers), str(each.readers)) for name, each in run.served.items()],
    )
    yield ""
    ladders = [reader.record.account.ladder for reader in run.readers]
    yield (
        f"{sum(ladder.counts.verified for ladder in ladders):,} books verified by"
        f" {len(ladders)} readers; {run.crowd.bytes_read / 1e6:,.0f} MB read by the plain streams"
    )


def _row(result: StepResult) -> tuple[str, ...]:
    tally, answered = result.tally, result.answers["200"]
    figures = (tally.events, tally.interruptions, result.refused)
    events, *troubles = (f"{figure:,}" for figure in figures)
    return (
        result.title,
        f"{result.seconds:.1f}",
        events,
        f"{result.longest_wait:.2f}",
        *troubles,
        *map(str, (tally.conflated, tally.uncounted, tally.missed)),
        f"{answered:,}",
        f"{result.answers.total() - answered:,}",
    )
