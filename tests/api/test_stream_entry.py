"""What follows on what in a stream: a snapshot counts from the event before it."""

from __future__ import annotations

import pytest

from api.frame_log import Place
from api.stream_entry import Entry, follows, went_back

LAST = Place(7, 20)


def snapshot(epoch: int, seq: int, data: bytes) -> Entry:
    return Entry(f"1-{seq}", "snapshot", Place(epoch, seq), data)


@pytest.mark.parametrize(
    ("entry", "goes_on", "is_behind"),
    [
        (snapshot(7, 21, b'{"conflated":0}'), True, False),
        (snapshot(7, 25, b'{"conflated":4}'), True, False),
        (snapshot(8, 900, b'{"conflated":null}'), True, False),
        # After a failover that lost events, it counts from what was left.
        (snapshot(7, 25, b'{"conflated":10}'), False, True),
        (snapshot(7, 25, b'{"conflated":24}'), False, True),
        # Events between are trimmed.
        (snapshot(7, 25, b'{"conflated":2}'), False, False),
        # Redis and the collector's memory are gone together: the numbers begin again.
        (snapshot(8, 2, b'{"conflated":null}'), False, True),
        (Entry("1-1", "status", Place(8, 1), b"{}"), False, True),
        # Nobody else writes there; what cannot be read must not stop the others.
        (snapshot(7, 25, b"{"), True, False),
        (Entry("1-21", "update", Place(7, 21), b"{}"), True, False),
        (Entry("1-22", "update", Place(7, 22), b"{}"), False, False),
        (Entry("1-22", "status", Place(8, 22), b"{}"), True, False),
    ],
)
def test_what_follows(entry: Entry, goes_on: bool, is_behind: bool) -> None:
    assert follows(entry, LAST) is goes_on
    assert went_back(entry, LAST) is is_behind
