"""An account of every seq of a book, and of the interruptions of its reader.

`lab.ladder` checks the books and the order of events. This module is part of that independent
witness: it shares no code with the product.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lab.ladder import Ladder, LadderPosition


@dataclass
class Tally:
    """Counts of events and interruptions; two tallies can be added and subtracted."""

    events: int = 0
    """Events with a seq, each counted once."""
    conflated: int = 0
    """Values of seq that a snapshot replaces and counts."""
    uncounted: int = 0
    """Values of seq that are skipped without a count, after a resync or by a new leader."""
    unexplained: int = 0
    """Those of them that neither a resync nor a new leader explains: a broken promise."""
    missed: int = 0
    """Values of seq that were skipped after a `lagged`."""
    interruptions: int = 0
    """How often the client reported that it is disconnected."""
    cuts: int = 0
    """The interruptions that were not an orderly end of a stream."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(self._values(), other._values(), strict=True)))

    def _values(self) -> list[int]:
        return [getattr(self, field.name) for field in fields(self)]


class Account:
    """The account of every seq of a symbol, from the first event to the last."""

    def __init__(self, symbol: str) -> None:
        self.ladder = Ladder(symbol)
        self.tally = Tally()
        self._lagged = False
        self._is_syncing = False

    def take(self, event: dict[str, Any]) -> None:
        """Check and count the next event; fail if it breaks the contract."""
        last = self.ladder.position
        self.ladder.take(event)
        if event["kind"] == "lagged":
            self._lagged = True
        elif event["seq"] is not None:
            self._count(event, last)
            if event["kind"] == "status":
                self._is_syncing = event["status"] == "syncing"
            elif event["kind"] == "snapshot":
                self._is_syncing = False

    def _count(self, event: dict[str, Any], last: LadderPosition | None) -> None:
        if last is not None:
            jumped = event["seq"] - last.seq - 1
            if self._lagged:
                self.tally.missed += jumped
            elif event.get("conflated") is not None:
                self.tally.conflated += jumped
            else:
                self.tally.uncounted += jumped
                if not self._is_syncing and event["epoch"] == last.epoch:
                    self.tally.unexplained += jumped
        self.tally.events += 1
        self._lagged = False
