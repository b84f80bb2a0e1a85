"""The table of the faults and their effects on the readers."""

from __future__ import annotations

from collections.abc import Iterator

from tools.chaos.run import ChaosRun, FaultResult
from tools.console import table

_TEXT_COLUMNS = 4
_HEAD = (
    *("fault", "status of its reader", "status of others", "/depth"),
    *("not live s", "others wait s", "missed", "uncounted", "verdict"),
)


def report(run: ChaosRun) -> Iterator[str]:
    """Render the report of a run.

    Yields:
        The lines of the report.

    """
    yield from table(_HEAD, [_row(each) for each in run.results], _TEXT_COLUMNS)
    verified = sum(reader.record.account.ladder.counts.verified for reader in run.others)
    events = sum(each.tally.events for each in run.results)
    yield ""
    yield (
        f"{len(run.results)} faults, {events:,} events read; the readers of the other two books"
        f" verified {verified:,} books"
    )


def _row(result: FaultResult) -> tuple[str, ...]:
    answers = sorted(result.answers.items())
    return (
        result.title,
        _reasons(result.statuses),
        _reasons(result.other_statuses),
        ", ".join(f"{answer} x{count}" for answer, count in answers),
        f"{result.not_live:.2f}" if result.statuses else "-",
        f"{result.longest_wait:.2f}",
        str(result.tally.missed),
        str(result.tally.uncounted),
        "BROKEN" if result.broken else "held",
    )


def _reasons(statuses: tuple[str, ...]) -> str:
    """Return statuses as text, in which `syncing` has only its reason."""
    return ", ".join(text.removeprefix("syncing: ") for text in statuses) or "-"
