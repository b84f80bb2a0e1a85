"""A table of what was done and what the readers saw."""

from __future__ import annotations

from collections.abc import Iterator

from lab.readers.table import table
from tools.compose.story import Seen, Story

_HEAD = (
    *("step", "s", "events", "longest wait s", "interruptions", "refused"),
    *("in snapshots", "uncounted", "missed", "/depth 200", "others"),
)


def report(story: Story) -> Iterator[str]:
    """The lines of the report."""
    yield from table(_HEAD, [_row(seen) for seen in story.seen])
    yield ""
    yield from table(
        ("replica", "answers", "most streams at once"),
        [(name, str(each.answers), str(each.readers)) for name, each in story.served.items()],
    )
    yield ""
    ladders = [reader.record.account.ladder for reader in story.readers]
    yield (
        f"{sum(ladder.counts.verified for ladder in ladders):,} books verified by"
        f" {len(ladders)} readers; {story.crowd.bytes_read / 1e6:,.0f} MB read by the crowd"
    )
    for seen in story.seen:
        yield from (f"WRONG at {seen.title!r}: {each}" for each in seen.wrong)


def _row(seen: Seen) -> tuple[str, ...]:
    tally, answered = seen.tally, seen.answers["200"]
    figures = (tally.events, tally.interruptions, seen.refused)
    events, *troubles = (f"{figure:,}" for figure in figures)
    return (
        seen.title,
        f"{seen.seconds:.1f}",
        events,
        f"{seen.longest_wait:.2f}",
        *troubles,
        *map(str, (tally.stood_for, tally.uncounted, tally.missed)),
        f"{answered:,}",
        f"{seen.answers.total() - answered:,}",
    )
