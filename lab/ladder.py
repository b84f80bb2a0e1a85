"""A book that is rebuilt from its events and checks each of them against docs/contract.md.

This module is an independent witness: it shares no code with the product, so that one mistake
cannot hide in both.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class BrokenPromiseError(AssertionError):
    """An event that breaks the contract, or a book that does not match its checksum."""


def require(holds: bool, message: str, event: object) -> None:
    """Raise an error that quotes the event, unless `holds`.

    Args:
        holds: Whether the event keeps the contract.
        message: The broken promise.
        event: The event, for the error.

    Raises:
        BrokenPromiseError: `holds` is false.

    """
    if not holds:
        raise BrokenPromiseError(f"{message}: {json.dumps(event)[:1500]}")


def units(text: str, precision: int) -> int:
    """Return a decimal text as an integer of units of 10**-precision.

    Raises:
        BrokenPromiseError: The text does not have exactly `precision` decimals.

    """
    head, _, decimals = text.partition(".")
    if len(decimals) != precision or not (head + decimals).isdigit():
        raise BrokenPromiseError(f"{text!r} is not a decimal with {precision} decimals")
    return int(head + decimals)


class LadderSide:
    """One side of a book, ordered by price in ticks; `sign` is 1 for asks and -1 for bids."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._levels: dict[int, tuple[str, str, str]] = {}

    def apply(self, levels: list[list[str]], precision: tuple[int, int], depth: int) -> None:
        """Apply an event's levels in their order, then keep the best `depth`."""
        for price, qty in levels:
            ticks, lots = units(price, precision[0]), units(qty, precision[1])
            key = ticks * self._sign
            if lots and key not in self._levels:
                insort(self._keys, key)
            if lots:
                self._levels[key] = (price, qty, f"{ticks}{lots}")
            elif self._levels.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
        for key in self._keys[depth:]:
            del self._levels[key]
        del self._keys[depth:]

    def rows(self) -> list[list[str]]:
        """Return the levels as price and quantity, best first."""
        return [list(self._levels[key][:2]) for key in self._keys]

    def best(self) -> dict[str, str] | None:
        """Return the best level in the form of an event, or None if the side is empty."""
        if not self._keys:
            return None
        price, qty, _ = self._levels[self._keys[0]]
        return {"price": price, "qty": qty}

    def best_ticks(self) -> int | None:
        """Return the best price in ticks, or None if the side is empty."""
        return self._keys[0] * self._sign if self._keys else None

    def checksum_text(self) -> str:
        """Return this side's part of the text that the checksum covers."""
        return "".join([self._levels[key][2] for key in self._keys[:10]])


@dataclass
class LadderCounts:
    """The number of events that a ladder has applied, by kind."""

    events: int = 0
    updates: int = 0
    snapshots: int = 0
    statuses: int = 0
    unnumbered: int = 0
    verified: int = 0
    lagged: int = 0
    conflated: int = 0
    jumps: int = 0


class LadderPosition(NamedTuple):
    """The position of an event among the events of its symbol."""

    epoch: int
    seq: int


class Ladder:
    """One symbol's book, rebuilt from its events, which are checked one by one.

    Attributes:
        position: The position of the last numbered event.
        status: The status by the collector's last status event.
        own_status: The status by the api's last status event, which has no number.

    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.position: LadderPosition | None = None
        self.status: str | None = None
        self.own_status: str | None = None
        self.counts = LadderCounts()
        self.checksum: int | None = None
        self.depth = 0
        self._precision = (0, 0)
        self._bids, self._asks = LadderSide(-1), LadderSide(1)
        self._usable = False
        self._lagged = False

    @property
    def bids(self) -> list[list[str]]:
        """The bids, best first."""
        return self._bids.rows()

    @property
    def asks(self) -> list[list[str]]:
        """The asks, best first."""
        return self._asks.rows()

    @property
    def awaits_snapshot(self) -> bool:
        """Whether a `lagged` has come, and no snapshot after it."""
        return self._lagged

    @property
    def seq(self) -> int:
        """The seq of the last numbered event; 0 before the first."""
        return self.position.seq if self.position else 0

    def take(self, event: dict[str, Any]) -> None:
        """Check and apply the next event; raise an error if it breaks the contract."""
        self.counts.events += 1
        require(event["symbol"] == self.symbol, f"an event of another symbol than {self}", event)
        kind = event["kind"]
        if kind == "lagged":
            self.counts.lagged += 1
            self._lagged, self._usable = True, False
        elif event["seq"] is None:
            require(kind == "status" and event["epoch"] is None, "an event without a seq", event)
            self.counts.unnumbered += 1
            self.own_status = event["status"]
        else:
            self._take_numbered(kind, event)

    def _take_numbered(self, kind: str, event: dict[str, Any]) -> None:
        position, last = LadderPosition(event["epoch"], event["seq"]), self.position
        if last is not None and not self._lagged:
            require(position > last, f"an event that is not newer than {last}", event)
            require(position.seq > last.seq, f"the seq does not rise after {last}", event)
        if kind == "snapshot":
            self._take_snapshot(event, position)
        elif kind == "update":
            self._take_update(event, position)
        elif kind == "status":
            self._take_status(event, position)
        else:
            require(False, "an event of an unknown kind", event)
        self.position = position

    def _take_snapshot(self, event: dict[str, Any], position: LadderPosition) -> None:
        last = self.position
        if last is not None and not self._lagged:
            jumped, conflated = position.seq - last.seq - 1, event["conflated"]
            self.counts.jumps += jumped > 0
            if conflated is not None:
                require(conflated == jumped, f"conflated is not the gap after {last}", event)
                self.counts.conflated += conflated
        self.counts.snapshots += 1
        self._lagged, self._usable = False, True
        self._precision = (event["price_precision"], event["qty_precision"])
        self.depth = event["depth"]
        self._bids, self._asks = LadderSide(-1), LadderSide(1)
        self._apply(event)

    def _take_update(self, event: dict[str, Any], position: LadderPosition) -> None:
        require(self._usable, "an update without a snapshot before it", event)
        last = self.position
        assert last is not None
        require(position.epoch == last.epoch, f"an update starts an epoch after {last}", event)
        require(position.seq == last.seq + 1, f"an update leaves a gap after {last}", event)
        self.counts.updates += 1
        self._apply(event)

    def _take_status(self, event: dict[str, Any], position: LadderPosition) -> None:
        last = self.position
        if last is not None and not self._lagged and position.epoch == last.epoch:
            require(position.seq == last.seq + 1, f"a status leaves a gap after {last}", event)
        self.counts.statuses += 1
        self.status = event["status"]
        self._usable = self._usable and self.status == "live"

    def _apply(self, event: dict[str, Any]) -> None:
        self._bids.apply(event["bids"], self._precision, self.depth)
        self._asks.apply(event["asks"], self._precision, self.depth)
        text = self._asks.checksum_text() + self._bids.checksum_text()
        found = zlib.crc32(text.encode())
        require(found == event["checksum"], f"the book has the checksum {found}", event)
        bid, ask = self._bids.best_ticks(), self._asks.best_ticks()
        if bid is not None and ask is not None:
            require(bid < ask, "the book is crossed", event)
            spread = units(event["spread"], self._precision[0])
            require(spread == ask - bid, "the spread is wrong", event)
        else:
            require(event["spread"] is None, "a spread although a side is empty", event)
        require(event["best_bid"] == self._bids.best(), "the best bid is wrong", event)
        require(event["best_ask"] == self._asks.best(), "the best ask is wrong", event)
        self.checksum = event["checksum"]
        self.counts.verified += 1

    def __str__(self) -> str:
        return self.symbol


def events_of_dump(entries: Iterable[tuple[str, dict[str, str]]]) -> Iterator[dict[str, Any]]:
    """Generate the events of a stream in Redis, and check the fields and ids of its entries.

    Args:
        entries: The ids and fields of the entries, in order.

    Yields:
        The events.

    """
    milliseconds = 0
    for entry_id, fields in entries:
        event = json.loads(fields["data"])
        for name in ("kind", "seq", "epoch"):
            require(str(event[name]) == fields[name], f"the entry's field {name} is wrong", fields)
        ms, _, seq = entry_id.partition("-")
        require(int(seq) == event["seq"], f"the id {entry_id} has another seq", event)
        require(int(ms) >= milliseconds, f"the id {entry_id} goes back in time", event)
        milliseconds = int(ms)
        yield event


def ladder_of_dump(symbol: str, entries: list[tuple[str, dict[str, str]]]) -> Ladder:
    """Return the ladder after all entries of a stream in Redis; check the entries' fields too."""
    ladder = Ladder(symbol)
    for event in events_of_dump(entries):
        ladder.take(event)
    return ladder
