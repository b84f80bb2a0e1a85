"""The account of recorded events, and the comparison of two recordings."""

from __future__ import annotations

import pytest

from tools.recording.audit import Gap, audit_files, differences, gaps_in
from tools.recording.files import Content, FileEvent
from tools.recording.witness import Place

SYMBOL = "BTC/USD"


def event(kind: str, seq: int | None, *, epoch: int = 1, conflated: int = 0) -> FileEvent:
    content = Content(kind, seq, ((seq or 0, 1),), ())
    return FileEvent(epoch if seq else None, seq, conflated, content, None, "time")


LAGGED = event("lagged", None)
BEGIN = [event("snapshot", 4), event("update", 5)]


def seen(*events: FileEvent) -> dict[Place, Content]:
    return {(SYMBOL, epoch, seq): each.content for each in events for epoch, seq in [each.position]}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("events", "gaps"),
    [
        ([*BEGIN, event("update", 6)], []),
        ([*BEGIN, event("snapshot", 9, conflated=3)], []),
        ([*BEGIN, event("snapshot", 9)], [Gap((1, 5), (1, 9))]),
        ([*BEGIN, LAGGED, event("snapshot", 9)], [Gap((1, 5), (1, 9))]),
        ([*BEGIN, event("snapshot", 9, epoch=2)], [Gap((1, 5), (2, 9))]),
        ([*BEGIN, LAGGED, event("snapshot", 5)], []),
        # The api's snapshot has the book after the event of this position, not the event.
        ([*BEGIN, LAGGED, event("snapshot", 6)._replace(received_at=None)], [Gap((1, 5), (1, 7))]),
        ([*BEGIN, event("snapshot", 5)._replace(received_at=None), event("update", 6)], []),
    ],
)
def test_gap_is_jump_of_snapshot_without_count(events: list[FileEvent], gaps: list[Gap]) -> None:
    assert list(gaps_in(events)) == gaps


@pytest.mark.parametrize("wrong", [event("update", 7), event("update", 5), event("status", 3)])
def test_other_jumps_and_repeats_are_faults(wrong: FileEvent) -> None:
    with pytest.raises(ValueError, match="comes after"):
        list(gaps_in([*BEGIN, wrong]))


def test_event_that_was_sent_is_recorded_or_in_a_gap() -> None:
    recorded = {SYMBOL: [*BEGIN, event("snapshot", 9)]}
    lost = event("update", 7)
    assert audit_files(recorded, seen(*BEGIN, lost)).broken == []
    assert audit_files(recorded, seen(*BEGIN, lost)).in_gaps == 1
    (named,) = audit_files(recorded, seen(event("update", 11))).broken
    assert "neither recorded nor in a gap" in named


def test_recorded_event_must_lead_to_the_book_that_was_sent() -> None:
    sent = seen(event("update", 5))
    other = event("update", 5)._replace(content=Content("update", 5, ((5, 2),), ()))
    assert audit_files({SYMBOL: [BEGIN[0], other]}, sent).broken
    # The same book as a snapshot.
    assert not audit_files({SYMBOL: [BEGIN[0], event("snapshot", 5)]}, sent).broken


def test_recordings_differ_in_a_missing_and_in_another_event() -> None:
    recorded = {SYMBOL: BEGIN}
    assert list(differences(recorded, {SYMBOL: [*BEGIN, event("status", 6)]})) == []
    assert list(differences(recorded, {SYMBOL: BEGIN[:1]})) != []
    assert list(differences(recorded, {})) != []
