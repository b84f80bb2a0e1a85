"""The account of an upgrade finds events that are missing or wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.written_books import Event, snapshot, update
from tools.upgrade.account import UpgradeOutcome, broken_promises, check_client

EPOCH = 7


def printed(*events: Event) -> str:
    lines = [event.entry(EPOCH).data.decode() for event in events]
    return "\n".join(["kraken-book: a line of its log", *lines, '{"kind":"upd'])


def outcome_of(*events: Event) -> UpgradeOutcome:
    outcome = UpgradeOutcome()
    outcome.met["resumed"] = 1
    check_client(outcome, "the client", printed(*events))
    return outcome


def test_complete_events_keep_every_promise() -> None:
    outcome = outcome_of(snapshot(1), update(2), update(3))
    assert outcome.clients == {"the client": 3}
    assert list(broken_promises(outcome)) == []


def test_missing_event_breaks_a_promise() -> None:
    (broken, *_) = broken_promises(outcome_of(snapshot(1), update(3)))
    assert broken.startswith("the client: an update leaves a gap")


def test_client_without_a_book_breaks_a_promise() -> None:
    assert list(broken_promises(outcome_of())) == ["the client has no verified book"]


@pytest.mark.parametrize(
    ("met", "promise"),
    [
        (
            {"resumed": 1, "uncounted": 3},
            "3 snapshots of a leader skip events without a count",
        ),
        ({"resumed": 0}, "no reader resumed"),
        ({"resumed": 1, "lagged unknown": 2}, "2 readers missed events: lagged unknown"),
    ],
)
def test_readers_that_missed_events_or_never_resumed_break_a_promise(
    met: dict[str, int], promise: str
) -> None:
    outcome = outcome_of(snapshot(1))
    outcome.met = Counter(met)
    assert list(broken_promises(outcome)) == [promise]
