"""The table of the faults and of what the readers saw of each."""

from __future__ import annotations

from collections.abc import Iterator

from tools.chaos.run import ChaosRun, FaultResult
from tools.console import table

_WORDS = 4
_HEAD = (
    *("fault", "its reader is told", "the others", "/depth"),
    *("not live s", "others wait s", "missed", "uncounted", "verdict"),
)


def report(run: ChaosRun) -> Iterator[str]:
    """Yield the lines of the report."""
    yield from table(_HEAD, [_row(each) for each in run.results], _WORDS)
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
        _reasons(result.told),
        _reasons(result.others_told),
        ", ".join(f"{answer} x{count}" for answer, count in answers),
        f"{result.not_live:.2f}" if result.told else "-",
        f"{result.longest_wait:.2f}",
        str(result.tally.missed),
        str(result.tally.uncounted),
        "WRONG" if result.wrong else "held",
    )


def _reasons(told: tuple[str, ...]) -> str:
    """Return the reasons for `syncing`, and the other status words."""
    return ", ".join(text.removeprefix("syncing: ") for text in told) or "-"
