"""The report of a run, as text."""

from __future__ import annotations

from collections.abc import Iterator

from tools.recording.run import REPLAY_SPEED, Outcome


def report(outcome: Outcome) -> Iterator[str]:
    """Render the report of a run.

    Yields:
        The lines of the report.

    """
    options = outcome.options
    yield (
        f"{options.symbols} symbols, {options.seconds:.0f} s, {options.rate:,.0f} moves/s,"
        f" seed {options.seed}"
    )
    yield (
        f"  disturbed  {outcome.faults} faults of the feed; kills: {outcome.kills} of the recorder,"
        f" {outcome.api_kills} of the api; {outcome.redis_restarts} restarts of Redis without data"
    )
    yield f"  sent       {outcome.seen:,} events, as a witness saw them"
    for name, audit in outcome.audits.items():
        gaps = sum(map(len, audit.gaps.values()))
        yield (
            f"  recorded   {name}: {audit.events:,} events, {gaps} gaps, in which the witness saw"
            f" {audit.in_gaps:,} events"
        )
    yield f"  report     {outcome.reported_gaps} gaps"
    for line in outcome.verify:
        yield f"  verify     {line}"
    yield (
        f"  replay     {outcome.replayed:,} snapshots and updates at speed {REPLAY_SPEED}, in"
        f" {outcome.replay_seconds:.0f} s"
    )
    sizes = ", ".join(f"{size / 1e6:.1f}" for size in outcome.memory)
    yield f"  memory     steady: {sizes or '-'} MB (median of each fifth of the time)"
