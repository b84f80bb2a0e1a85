"""The report of a run, as text."""

from __future__ import annotations

from collections.abc import Iterator

from tools.console import table
from tools.year.run import YearOutcome
from tools.year.samples import Course


def report(outcome: YearOutcome) -> Iterator[str]:
    """Render the report of a run.

    Yields:
        The lines of the report.

    """
    count = sum(outcome.happenings.values())
    yield f"{outcome.seconds:.0f} s, {count} happenings, seed {outcome.options.seed}"
    for name, number in sorted(outcome.happenings.items()):
        yield f"  {number:5}  {name}"
    yield (
        f"  {outcome.events:,} events read, {outcome.lagged:,} `lagged`,"
        f" {outcome.replaced:,} replaced by snapshots"
    )
    yield from (f"  a snapshot without a count after {each}" for each in outcome.uncounted)
    yield f"  recording: {outcome.verdict}"
    yield from table(
        ("figure", "second fifth", "last fifth", "most"),
        [
            (
                course.name,
                *(_shown(course, each) for each in (course.before, course.after, course.most)),
            )
            for course in outcome.courses
        ],
    )


def _shown(course: Course, value: float) -> str:
    is_size = course.name.endswith(("memory", "bytes"))
    return f"{value / 1e6:.1f} MB" if is_size else f"{value:,.0f}"
