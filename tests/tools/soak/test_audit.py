"""Which jumps in a stream nobody needs to count, and which are a promise broken."""

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


def test_a_snapshot_that_counts_leaves_nothing_uncounted() -> None:
    assert uncounted_in([*BEGIN, entry("snapshot", 9, conflated=3)]) == 0


def test_before_the_snapshot_of_a_resync_nobody_knows() -> None:
    assert uncounted_in([*BEGIN, SYNCING, entry("snapshot", 10, conflated=None)]) == 3


@pytest.mark.parametrize("kind", ["snapshot", "status"])
def test_before_a_new_leaders_first_event_nobody_knows(kind: str) -> None:
    first = entry(kind, 8, epoch=2, conflated=None, status="syncing")
    assert uncounted_in([*BEGIN, first]) == 2


def test_a_snapshot_without_a_doubt_before_it_must_count() -> None:
    with pytest.raises(BrokenPromiseError):
        uncounted_in([*BEGIN, entry("snapshot", 9, conflated=None)])


def test_a_doubt_that_is_over_excuses_nothing() -> None:
    over: Entries = [*BEGIN, SYNCING, entry("snapshot", 7, conflated=None), entry("update", 8)]
    with pytest.raises(BrokenPromiseError):
        uncounted_in([*over, entry("snapshot", 12, conflated=None)])
