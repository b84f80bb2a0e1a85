"""Read all streams from Redis: account for every seq, and check every book by its checksum."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from kraken_book.timestamps import parse_rfc3339
from lab.ladder import events_of_dump
from lab.sse.account import Account
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
        self.add_entries(symbol, streams.entries(symbol))

    def add_entries(self, symbol: str, entries: Entries) -> None:
        """Add the counts of all entries of a symbol's stream."""
        if not entries:
            self.broken.append(f"{symbol}: the stream is empty")
            return
        account = Account(symbol)
        try:
            for event in events_of_dump(entries):
                account.take(event)
        except AssertionError as error:
            self.broken.append(f"{symbol}: {error}")
            return
        if skipped := account.tally.unexplained:
            self.broken.append(f"{symbol}: {skipped} events are skipped without a count")
        counts = account.ladder.counts
        self.uncounted += account.tally.uncounted
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


def updates_in(entries: Entries) -> int:
    """Return the number of updates in these entries, with those that a snapshot counts."""
    found = 0
    for _, fields in entries:
        if fields["kind"] == "update":
            found += 1
        elif fields["kind"] == "snapshot":
            found += json.loads(fields["data"])["conflated"] or 0
    return found


def lag_of(entry_id: str, entry: dict[str, str]) -> float:
    """Return the seconds from the receipt of a frame, by the collector's clock, to its entry."""
    read = parse_rfc3339(json.loads(entry["data"])["received_at"]) / 1e9
    return int(entry_id.partition("-")[0]) / 1e3 - read
