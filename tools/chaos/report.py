"""A table of the faults and of what the readers saw of each."""

from __future__ import annotations

from collections.abc import Iterator

from lab.readers.table import table
from tools.chaos.story import Seen, Story

_WORDS = 4
_HEAD = (
    *("fault", "its reader is told", "the others", "/depth"),
    *("not live s", "others wait s", "missed", "uncounted", "verdict"),
)


def report(story: Story) -> Iterator[str]:
    """The lines of the report."""
    yield from table(_HEAD, [_row(seen) for seen in story.seen], _WORDS)
    yield ""
    for seen in story.seen:
        yield from (f"WRONG at {seen.title!r}: {each}" for each in seen.wrong)
    verified = sum(reader.record.account.ladder.counts.verified for reader in story.others)
    events = sum(seen.tally.events for seen in story.seen)
    yield (
        f"{len(story.seen)} faults, {events:,} events read; the readers of the other two books"
        f" verified {verified:,} books"
    )


def _row(seen: Seen) -> tuple[str, ...]:
    return (
        seen.title,
        _reasons(seen.told),
        _reasons(seen.others_told),
        ", ".join(f"{answer} x{count}" for answer, count in sorted(seen.answers.items())),
        f"{seen.not_live:.2f}" if seen.told else "-",
        f"{seen.longest_wait:.2f}",
        str(seen.tally.missed),
        str(seen.tally.uncounted),
        "WRONG" if seen.wrong else "held",
    )


def _reasons(told: tuple[str, ...]) -> str:
    """The reasons for `syncing`, and what else was told."""
    return ", ".join(text.removeprefix("syncing: ") for text in told) or "-"
