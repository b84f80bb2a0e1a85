"""Reads of the streams and hashes of books in Redis."""

from __future__ import annotations

import json
from typing import Any

from redis import Redis

from lab.ladder import Ladder, ladder_of_dump
from lab.services import Collector, SimulatorProcess
from lab.waiting import wait_until


class StoredBooks:
    """A reader of the streams and hashes of books in one Redis."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(url, decode_responses=True)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def entries(self, symbol: str, after: str = "-") -> list[tuple[str, dict[str, str]]]:
        """Return the entries of a symbol's stream, all or only those after an id."""
        first = after if after == "-" else f"({after}"
        found: Any = self.client.xrange(_key("events", symbol), first, "+")
        return [(entry_id, fields) for entry_id, fields in found]

    def events(self, symbol: str, after: str = "-") -> list[dict[str, Any]]:
        """Return the events of a symbol's stream, all or only those after an id."""
        return [json.loads(fields["data"]) for _, fields in self.entries(symbol, after)]

    def last_id(self, symbol: str) -> str:
        """Return the id of the newest event; "-" if there is none."""
        newest: Any = self.client.xrevrange(_key("events", symbol), count=1)
        return str(newest[0][0]) if newest else "-"

    def first_id(self, symbol: str) -> str:
        """Return the id of the oldest event in the stream."""
        oldest: Any = self.client.xrange(_key("events", symbol), count=1)
        return str(oldest[0][0])

    def last_seq(self, symbol: str) -> int:
        """Return the seq of the newest event; 0 if there is none."""
        last = self.last_id(symbol)
        return 0 if last == "-" else int(last.partition("-")[2])

    def is_live(self, symbol: str) -> bool:
        """Return whether the newest status in the stream is `live`."""
        statuses = [event["status"] for event in self.events(symbol) if event["kind"] == "status"]
        return statuses[-1:] == ["live"]

    def ladder(self, symbol: str) -> Ladder:
        """Return the ladder after the whole stream; fail if an event breaks the contract."""
        return ladder_of_dump(symbol, self.entries(symbol))

    def book(self, symbol: str) -> dict[str, str]:
        """Return the hash of a symbol's book."""
        found: Any = self.client.hgetall(_key("book", symbol))
        return dict(found)

    def states(self) -> dict[str, dict[str, Any]]:
        """Return the state of each configured symbol."""
        found: Any = self.client.hgetall("kraken:symbols")
        return {symbol: json.loads(state) for symbol, state in found.items()}

    def wait_for_seq(self, symbol: str, seq: int) -> None:
        """Wait until the stream reaches this seq."""
        wait_until(lambda: self.last_seq(symbol) >= seq, f"{symbol} reaches {seq}")

    def wait_for_checksum(self, symbol: str, checksum: int) -> None:
        """Wait until the hash has the book with this checksum."""

        def is_stored() -> bool:
            return self.book(symbol).get("checksum") == str(checksum)

        wait_until(is_stored, f"the book of {symbol} with checksum {checksum} is in Redis")


def wait_until_still(
    simulator: SimulatorProcess, collector: Collector, streams: StoredBooks, *symbols: str
) -> None:
    """Wait until these markets have made all their updates and Redis has every event."""
    simulator.wait_for_line("markets stopped")
    for symbol in symbols:
        streams.wait_for_checksum(symbol, simulator.book(symbol)["checksum"])
    waiting = "kraken_book_waiting_events"
    wait_until(lambda: collector.metric(waiting) == 0, "every event is published")


def _key(kind: str, symbol: str) -> str:
    venue, _, pair = symbol.rpartition(":")
    return f"{venue or 'kraken'}:{kind}:{{{pair}}}"
