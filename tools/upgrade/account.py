"""What the readers of an upgrade received, and the promises about it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.ladder import BrokenPromiseError, Ladder
from tools.console import table

MIN_RESUMED = 1
# The events that a client prints as they came; `syncing` of its own has no symbol's seq.
_KINDS = ("snapshot", "update", "status", "lagged")


@dataclass
class UpgradeOutcome:
    """Counts of a run.

    Attributes:
        steps: The replaced processes, in order.
        met: The counts of the roaming readers.
        clients: The verified events of each client, by its name.
        errors: What readers and clients found to be wrong.

    """

    steps: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    clients: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def printed_events(log: str) -> Iterator[dict[str, Any]]:
    """Yield the events of books in the output of `kraken-book watch --json`."""
    for line in log.splitlines():
        if line.startswith("{") and line.endswith("}"):
            event: dict[str, Any] = json.loads(line)
            if event.get("kind") in _KINDS:
                yield event


def verify_printed(log: str) -> int:
    """Return how many printed books a ladder has proved; it raises BrokenPromiseError if not."""
    ladders: dict[str, Ladder] = {}
    for event in printed_events(log):
        ladders.setdefault(event["symbol"], Ladder(event["symbol"])).take(event)
    return sum(each.counts.verified for each in ladders.values())


def check_client(outcome: UpgradeOutcome, name: str, log: str) -> None:
    """Add a client's count, or what is wrong with its output."""
    try:
        outcome.clients[name] = verify_printed(log)
    except BrokenPromiseError as error:
        outcome.clients[name] = 0
        outcome.errors.append(f"{name}: {error}")


def broken_promises(outcome: UpgradeOutcome) -> Iterator[str]:
    """Yield each promise of an upgrade that did not hold."""
    yield from outcome.errors
    for gap, count in outcome.met.items():
        if gap.startswith("lagged"):
            yield f"{count} readers missed events: {gap}"
    if count := outcome.met["uncounted"]:
        yield f"{count} snapshots of a leader skip events without a count"
    if outcome.met["resumed"] < MIN_RESUMED:
        yield "no reader resumed"
    for name, count in outcome.clients.items():
        if not count:
            yield f"{name} has no verified book"


def report(outcome: UpgradeOutcome) -> Sequence[str]:
    """Return the lines of the report."""
    steps = [f"{number}. {step}" for number, step in enumerate(outcome.steps, 1)]
    rows = [[name, f"{count:,}"] for name, count in sorted(outcome.met.items())]
    rows += [[f"books verified by {name}", f"{count:,}"] for name, count in outcome.clients.items()]
    return [*steps, "", *table(["count", ""], rows)]
