"""An account of every number of a book's events, and of what its reader met.

Books and the order of events are checked by `lab.ladder`, which shares no code with the product.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lab.ladder import Ladder


@dataclass
class Tally:
    """Counts of what readers met; two can be added and subtracted."""

    events: int = 0
    """Events with a number, each once."""
    stood_for: int = 0
    """Numbers that a snapshot stands for and counts."""
    uncounted: int = 0
    """Numbers that a snapshot jumps over if nobody can know how many events they were."""
    missed: int = 0
    """Numbers that a reader was told to have missed."""
    interruptions: int = 0
    """How often readers were told that they are disconnected."""
    cuts: int = 0
    """How many of these were broken streams, not streams that ended in order."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(self._values(), other._values(), strict=True)))

    def _values(self) -> list[int]:
        return [getattr(self, field.name) for field in fields(self)]


class Account:
    """The account of a symbol's numbers, from the first event to the last."""

    def __init__(self, symbol: str) -> None:
        self.ladder = Ladder(symbol)
        self.tally = Tally()
        self._lagged = False

    def take(self, event: dict[str, Any]) -> None:
        """Take the next event; raise BrokenPromiseError if the contract rules it out."""
        last = self.ladder.place
        self.ladder.take(event)
        if event["kind"] == "lagged":
            self._lagged = True
        elif event["seq"] is not None:
            self._number(event, None if last is None else last.seq)

    def _number(self, event: dict[str, Any], last_seq: int | None) -> None:
        if last_seq is not None:
            jumped = event["seq"] - last_seq - 1
            if self._lagged:
                self.tally.missed += jumped
            elif event.get("conflated") is not None:
                self.tally.stood_for += jumped
            else:
                self.tally.uncounted += jumped
        self.tally.events += 1
        self._lagged = False
