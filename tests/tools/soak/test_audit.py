"""The gaps in a stream that need no count, and those that break a promise."""

from __future__ import annotations

import json

import pytest

from lab.ladder import BrokenPromiseError
from tools.soak.audit import Entries, uncounted_in


def entry(kind: str, seq: int, epoch: int = 1, **data: object) -> tuple[str, dict[str, str]]:
    fields = {"kind": kind, "seq": str(seq), "epoch": str(epoch), "data": json.dumps(data)}
    return f"1-{seq}", fields


BEGIN: Entries = [entry("snapshot", 4, conflated=None), entry("update", 5)]
SYNCING = entry("status", 6, status="syncing")


def test_gap_with_count_is_not_uncounted() -> None:
    assert uncounted_in([*BEGIN, entry("snapshot", 9, conflated=3)]) == 0


def test_gap_before_snapshot_of_resync_is_uncounted() -> None:
    assert uncounted_in([*BEGIN, SYNCING, entry("snapshot", 10, conflated=None)]) == 3


@pytest.mark.parametrize("kind", ["snapshot", "status"])
def test_gap_before_first_event_of_new_leader_is_uncounted(kind: str) -> None:
    first = entry(kind, 8, epoch=2, conflated=None, status="syncing")
    assert uncounted_in([*BEGIN, first]) == 2


def test_snapshot_without_doubt_before_it_must_count_gap() -> None:
    with pytest.raises(BrokenPromiseError):
        uncounted_in([*BEGIN, entry("snapshot", 9, conflated=None)])


def test_snapshot_after_end_of_doubt_must_count_gap() -> None:
    ended: Entries = [*BEGIN, SYNCING, entry("snapshot", 7, conflated=None), entry("update", 8)]
    with pytest.raises(BrokenPromiseError):
        uncounted_in([*ended, entry("snapshot", 12, conflated=None)])
