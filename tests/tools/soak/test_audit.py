"""The audit of streams in Redis: figures of good streams, and named faults of broken ones."""

from __future__ import annotations

import json
from typing import Any

from tools.soak.audit import Entries, StreamAudit, updates_in

# The CRC-32 of an empty book is 0.
EMPTY: dict[str, Any] = {
    "symbol": "BTC/USD",
    "epoch": 1,
    "bids": [],
    "asks": [],
    "best_bid": None,
    "best_ask": None,
    "spread": None,
    "checksum": 0,
    "received_at": "1970-01-01T00:00:00.001000Z",
}
BOOK = {"depth": 10, "price_precision": 1, "qty_precision": 8}


def entry(kind: str, seq: int, **changes: object) -> tuple[str, dict[str, str]]:
    event = {**EMPTY, "kind": kind, "seq": seq, **changes}
    fields = {name: str(event[name]) for name in ("kind", "seq", "epoch")}
    return f"1-{seq}", {**fields, "data": json.dumps(event)}


def snapshot(seq: int, conflated: int | None = None) -> tuple[str, dict[str, str]]:
    return entry("snapshot", seq, **BOOK, conflated=conflated)


SYNCING = entry("status", 6, status="syncing")
BEGIN: Entries = [snapshot(4), entry("update", 5)]


def audit_of(*entries: tuple[str, dict[str, str]]) -> StreamAudit:
    audit = StreamAudit()
    audit.add_entries("BTC/USD", [*BEGIN, *entries])
    return audit


def test_every_number_of_a_good_stream_is_accounted_for() -> None:
    audit = audit_of(SYNCING, snapshot(10), entry("update", 11), snapshot(14, conflated=2))
    assert (audit.numbers, audit.events, audit.conflated, audit.uncounted) == (11, 6, 2, 3)
    assert audit.broken == []


def test_skipped_events_without_a_count_are_a_fault() -> None:
    assert "3 events are skipped" in audit_of(snapshot(9)).broken[0]


def test_book_without_its_checksum_is_a_fault() -> None:
    assert "checksum" in audit_of(entry("update", 6, checksum=7)).broken[0]


def test_lost_stream_is_a_fault() -> None:
    audit = StreamAudit()
    audit.add_entries("BTC/USD", [])
    assert audit.broken == ["BTC/USD: the stream is empty"]


def test_updates_are_counted_with_those_that_a_snapshot_replaces() -> None:
    assert updates_in([*BEGIN, SYNCING, snapshot(10, conflated=3), entry("update", 11)]) == 5
