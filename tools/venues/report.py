"""The report of a run: a table with a row for each venue."""

from __future__ import annotations

from collections.abc import Iterator

from tools.console import table
from tools.venues.run import VenuesOutcome

_HEAD = (
    *("venue", "turns", "kills", "live again s", "events", "books proved", "conflated"),
    *("uncounted", "missed", "compared", "age s", "verdict"),
)


def report(outcome: VenuesOutcome) -> Iterator[str]:
    """Render the report of a run.

    Yields:
        The lines of the report.

    """
    options = outcome.options
    yield (
        f"{len(options.venues)} venues of {options.books} books, {outcome.seconds:.0f} s,"
        f" {options.rate:g} moves/s each, seed {options.seed}"
    )
    faults = sorted(outcome.faults.items(), key=lambda item: (-item[1], item[0]))
    yield f"  faults     {', '.join(f'{name} {count}' for name, count in faults) or 'none'}"
    kills = sum(turn.api_killed for turn in outcome.turns)
    yield f"  kills      {kills} of an api"
    restarts = ", ".join(f"{seconds:.1f} s" for seconds in outcome.redis_restarts) or "none"
    yield f"  Redis      restarts without data; all live after: {restarts}"
    published = ", ".join(f"{venue} {each.published:,}" for venue, each in outcome.accounts.items())
    yield f"  updates    published and found in the streams: {published}"
    yield ""
    yield from table(_HEAD, [_row(outcome, venue) for venue in options.venues])


def _row(outcome: VenuesOutcome, venue: str) -> tuple[str, ...]:
    account = outcome.accounts[venue]
    turns = [turn for turn in outcome.turns if turn.venue == venue]
    ages = [turn.calm[venue].sampled.max_age for turn in outcome.turns if venue in turn.calm]
    is_broken = any(account.broken_promises()) or any(turn.broken for turn in turns)
    return (
        venue,
        str(len(turns)),
        str(sum(turn.collector_killed for turn in turns)),
        f"{max((turn.live_after for turn in turns), default=0.0):.1f}",
        f"{account.read.events:,}",
        f"{account.checked:,}",
        f"{account.read.conflated:,}",
        f"{account.read.uncounted:,}",
        f"{account.read.missed:,}",
        str(outcome.compared[venue]),
        f"{max(ages, default=0.0):.2f}",
        "BROKEN" if is_broken else "held",
    )
