"""Read all streams from Redis: account for every seq, and check every book by its checksum."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise

from kraken_book.timestamps import parse_rfc3339
from lab.ladder import ladder_of_dump, require
from lab.stored_books import StoredBooks

_LAG_SAMPLING = 50
"""The lag is measured for one update in this number."""

Entries = list[tuple[str, dict[str, str]]]


@dataclass
class StreamAudit:
    """The counts of all symbols together."""

    numbers: int = 0
    """Values of seq from the first entry of each stream to its last, inclusive."""
    events: int = 0
    updates: int = 0
    snapshots: int = 0
    statuses: int = 0
    verified: int = 0
    conflated: int = 0
    """Values of seq that a snapshot replaces and counts."""
    uncounted: int = 0
    """Values of seq that are skipped without a count after a resync or by a new leader."""
    lags: list[float] = field(default_factory=list)
    """The seconds from the receipt of a frame to its entry in Redis, for one update in 50."""
    broken: list[str] = field(default_factory=list)
    """The broken promises of the contract."""

    def add(self, symbol: str, streams: StoredBooks) -> None:
        """Read a symbol's whole stream, and add its counts."""
        entries = streams.entries(symbol)
        try:
            ladder = ladder_of_dump(symbol, entries)
            self.uncounted += uncounted_in(entries)
        except AssertionError as error:
            self.broken.append(f"{symbol}: {error}")
            return
        counts = ladder.counts
        first, last = (int(entry_id.partition("-")[2]) for entry_id, _ in (entries[0], entries[-1]))
        self.numbers += last - first + 1
        self.events += counts.events
        self.updates += counts.updates
        self.snapshots += counts.snapshots
        self.statuses += counts.statuses
        self.verified += counts.verified
        self.conflated += counts.conflated
        updates = [entry for entry in entries if entry[1]["kind"] == "update"]
        self.lags += [lag_of(*entry) for entry in updates[::_LAG_SAMPLING]]


def uncounted_in(entries: Entries) -> int:
    """Return the number of events that are skipped without a count, as the contract allows.

    That is allowed after `syncing` and to a new leader; elsewhere it is a BrokenPromiseError.
    """
    uncounted = 0
    status, epoch = "", entries[0][1]["epoch"] if entries else ""
    for (_, before), (_, entry) in pairwise(entries):
        if before["kind"] == "status":
            status = json.loads(before["data"])["status"]
        elif before["kind"] == "snapshot":
            status, epoch = "", before["epoch"]
        jumped = int(entry["seq"]) - int(before["seq"]) - 1
        if jumped and (entry["kind"] == "status" or json.loads(entry["data"])["conflated"] is None):
            is_known = status != "syncing" and entry["epoch"] == epoch
            require(not is_known, f"{jumped} events are skipped without a count", entry)
            uncounted += jumped
    return uncounted


def lag_of(entry_id: str, entry: dict[str, str]) -> float:
    """Return the seconds from the receipt of a frame, by the collector's clock, to its entry."""
    read = parse_rfc3339(json.loads(entry["data"])["received_at"]) / 1e9
    return int(entry_id.partition("-")[0]) / 1e3 - read
