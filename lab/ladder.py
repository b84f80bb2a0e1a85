"""A book rebuilt from its events, each held against the contract.

It is an independent witness: it shares no code with the product, so that one mistake cannot hide
in both.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Any, NamedTuple


class BrokenPromiseError(AssertionError):
    """An event that the contract rules out, or a book that is not the one of its checksum."""


def require(holds: bool, what: str, event: object) -> None:
    """Raise BrokenPromiseError unless `holds`; the event is quoted in the error."""
    if not holds:
        raise BrokenPromiseError(f"{what}: {json.dumps(event)[:1500]}")


def units(text: str, precision: int) -> int:
    """Return the integer of a decimal text, which must have exactly `precision` decimals."""
    head, _, decimals = text.partition(".")
    if len(decimals) != precision or not (head + decimals).isdigit():
        raise BrokenPromiseError(f"{text!r} is no decimal of precision {precision}")
    return int(head + decimals)


class LadderSide:
    """One side of a book: prices in ticks, kept in order; `sign` is 1 for asks and -1 for bids."""

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
        """Return the levels, best first, as price and quantity."""
        return [list(self._levels[key][:2]) for key in self._keys]

    def best(self) -> dict[str, str] | None:
        """Return the best level in the form of events."""
        if not self._keys:
            return None
        price, qty, _ = self._levels[self._keys[0]]
        return {"price": price, "qty": qty}

    def best_ticks(self) -> int | None:
        """Return the best price in ticks, or None if the side is empty."""
        return self._keys[0] * self._sign if self._keys else None

    def checksum_text(self) -> str:
        """Return the side's part of the text of the checksum."""
        return "".join([self._levels[key][2] for key in self._keys[:10]])


@dataclass
class LadderCounts:
    """How many events of each kind a ladder has taken."""

    events: int = 0
    updates: int = 0
    snapshots: int = 0
    statuses: int = 0
    unnumbered: int = 0
    verified: int = 0
    lagged: int = 0
    conflated: int = 0
    jumps: int = 0


class Place(NamedTuple):
    """The position of an event."""

    epoch: int
    seq: int


class Ladder:
    """One symbol's book, rebuilt from its events; each is checked before it counts."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.place: Place | None = None
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
        """Whether the last word was `lagged`, without a snapshot since."""
        return self._lagged

    @property
    def seq(self) -> int:
        """The seq of the last numbered event."""
        return self.place.seq if self.place else 0

    def take(self, event: dict[str, Any]) -> None:
        """Take the next event; raise BrokenPromiseError if the contract rules it out."""
        self.counts.events += 1
        require(event["symbol"] == self.symbol, f"an event of another symbol than {self}", event)
        kind = event["kind"]
        if kind == "lagged":
            self.counts.lagged += 1
            self._lagged, self._usable = True, False
        elif event["seq"] is None:
            require(kind == "status" and event["epoch"] is None, "an event without number", event)
            self.counts.unnumbered += 1
            self.own_status = event["status"]
        else:
            self._take_numbered(kind, event)

    def _take_numbered(self, kind: str, event: dict[str, Any]) -> None:
        place, last = Place(event["epoch"], event["seq"]), self.place
        if last is not None and not self._lagged:
            require(place > last, f"after {last} comes an event that is not newer", event)
            require(place.seq > last.seq, f"after {last} the seq does not rise", event)
        if kind == "snapshot":
            self._take_snapshot(event, place)
        elif kind == "update":
            self._take_update(event, place)
        elif kind == "status":
            self._take_status(event, place)
        else:
            require(False, "an event of no known kind", event)
        self.place = place

    def _take_snapshot(self, event: dict[str, Any], place: Place) -> None:
        last = self.place
        if last is not None and not self._lagged:
            jumped, conflated = place.seq - last.seq - 1, event["conflated"]
            self.counts.jumps += jumped > 0
            if conflated is not None:
                require(conflated == jumped, f"conflated is not the jump from {last}", event)
                self.counts.conflated += conflated
        self.counts.snapshots += 1
        self._lagged, self._usable = False, True
        self._precision = (event["price_precision"], event["qty_precision"])
        self.depth = event["depth"]
        self._bids, self._asks = LadderSide(-1), LadderSide(1)
        self._apply(event)

    def _take_update(self, event: dict[str, Any], place: Place) -> None:
        require(self._usable, "an update of a book that no snapshot has begun", event)
        last = self.place
        assert last is not None
        require(place.epoch == last.epoch, f"after {last} an update opens an epoch", event)
        require(place.seq == last.seq + 1, f"after {last} an update jumps", event)
        self.counts.updates += 1
        self._apply(event)

    def _take_status(self, event: dict[str, Any], place: Place) -> None:
        last = self.place
        if last is not None and not self._lagged and place.epoch == last.epoch:
            require(place.seq == last.seq + 1, f"after {last} a status jumps", event)
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
            require(spread == ask - bid, "the spread is another", event)
        else:
            require(event["spread"] is None, "a spread with a side empty", event)
        require(event["best_bid"] == self._bids.best(), "the best bid is another", event)
        require(event["best_ask"] == self._asks.best(), "the best ask is another", event)
        self.checksum = event["checksum"]
        self.counts.verified += 1

    def __str__(self) -> str:
        return self.symbol


def ladder_of_dump(symbol: str, entries: list[tuple[str, dict[str, str]]]) -> Ladder:
    """Return the ladder that a stream in Redis leads to; check the entries' own fields too."""
    ladder = Ladder(symbol)
    milliseconds = 0
    for entry_id, fields in entries:
        event = json.loads(fields["data"])
        for name in ("kind", "seq", "epoch"):
            require(str(event[name]) == fields[name], f"the field {name} of an entry", fields)
        ms, _, seq = entry_id.partition("-")
        require(int(seq) == event["seq"], f"the id {entry_id} tells another seq", event)
        require(int(ms) >= milliseconds, f"the id {entry_id} goes back in time", event)
        milliseconds = int(ms)
        ladder.take(event)
    return ladder
