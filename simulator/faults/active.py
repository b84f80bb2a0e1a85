"""The active faults: some last for a time, some for a number of updates or subscriptions."""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, TypeVar

import msgspec

from simulator.faults.kinds import (
    AnswerNever,
    CountedFault,
    Fault,
    Lasting,
    Mute,
    Refuse,
    Silence,
    StaleRest,
    System,
)

L = TypeVar("L", bound=Lasting)
F = TypeVar("F", bound=Fault)


class ActiveFaults:
    """The active lasting faults; a fault replaces the one of the same kind and subject.

    Attributes:
        system: The status of the system as connections see it.

    """

    def __init__(self) -> None:
        self.system: System = "online"
        self._on: dict[tuple[type[object], str | None], tuple[Lasting, float]] = {}

    def begin(self, fault: Lasting) -> None:
        """Activate a fault for its seconds."""
        self._on[type(fault), _subject(fault)] = fault, time.monotonic() + fault.seconds

    def get(self, kind: type[L], subject: str | None = None) -> L | None:
        """Return the active fault of a kind, or None.

        Args:
            kind: The class of the fault.
            subject: The symbol or method that the fault is limited to; None for a general fault.

        """
        # This check is fast because every move and every write calls it, mostly without a fault.
        if not self._on:
            return None
        fault, until = self._on.get((kind, subject), (None, 0.0))
        return fault if isinstance(fault, kind) and until > time.monotonic() else None

    def seconds_left(self, kind: type[L], subject: str | None = None) -> float | None:
        """Return the seconds until the active fault of a kind ends; None if there is none."""
        if self.get(kind, subject) is None:
            return None
        return self._on[kind, subject][1] - time.monotonic()

    def remaining(self) -> list[tuple[Lasting, float]]:
        """Return each active fault with the seconds until it ends."""
        now = time.monotonic()
        return [(fault, until - now) for fault, until in self._on.values() if until > now]

    def clear(self) -> None:
        """Remove all faults."""
        self._on.clear()


class FaultQueue(Generic[F]):
    """The faults of a market's next updates or subscriptions, one for each, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[F, int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, fault: F) -> None:
        """Append a fault to use once or, if it has a `count`, that many times."""
        self._waiting.append((fault, fault.count if isinstance(fault, CountedFault) else 1))

    def peek(self) -> F | None:
        """Return the next fault without using it."""
        return self._waiting[0][0] if self._waiting else None

    def pop(self) -> F | None:
        """Return the next fault, or None, and use it once."""
        if not self._waiting:
            return None
        fault, left = self._waiting.popleft()
        if left > 1:
            self._waiting.appendleft((fault, left - 1))
        return fault

    def pending(self) -> list[F]:
        """Return the waiting faults in order, each with its remaining count."""
        return [
            msgspec.structs.replace(fault, count=left) if isinstance(fault, CountedFault) else fault
            for fault, left in self._waiting
        ]

    def clear(self) -> None:
        """Remove all waiting faults."""
        self._waiting.clear()


def _subject(fault: Lasting) -> str | None:
    match fault:
        case (
            Mute(symbol=symbol)
            | Silence(symbol=symbol)
            | Refuse(symbol=symbol)
            | StaleRest(symbol=symbol)
        ):
            return symbol
        case AnswerNever(method=method):
            return method
        case _:
            return None
