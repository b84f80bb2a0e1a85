"""The faults that are on: some until a time, some for a number of updates or subscriptions."""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, TypeVar

import msgspec

from simulator.faults.kinds import AnswerNever, Fault, Lasting, Mute, Refuse, Silence, System

L = TypeVar("L", bound=Lasting)
F = TypeVar("F", bound=Fault)


class ActiveFaults:
    """The lasting faults that are on; a fault replaces one of the same kind and subject.

    Attributes:
        system: The status of the system as connections see it.

    """

    def __init__(self) -> None:
        self.system: System = "online"
        self._on: dict[tuple[type[object], str | None], tuple[Lasting, float]] = {}

    def begin(self, fault: Lasting) -> None:
        """Switch a fault on for its seconds."""
        self._on[type(fault), _subject(fault)] = fault, time.monotonic() + fault.seconds

    def get(self, kind: type[L], subject: str | None = None) -> L | None:
        """Return the fault of a kind if it is on.

        Args:
            kind: The class of the fault.
            subject: The symbol or method that the fault is limited to; None for a general fault.

        """
        # Called for each move and each write, nearly always without any fault.
        if not self._on:
            return None
        fault, until = self._on.get((kind, subject), (None, 0.0))
        return fault if isinstance(fault, kind) and until > time.monotonic() else None

    def remaining(self) -> list[tuple[Lasting, float]]:
        """Return each fault that is on with the seconds until it ends."""
        now = time.monotonic()
        return [(fault, until - now) for fault, until in self._on.values() if until > now]

    def clear(self) -> None:
        """Switch all of them off."""
        self._on.clear()


class FaultQueue(Generic[F]):
    """Faults of a market's next updates or subscriptions: each takes one fault, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[F, int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, fault: F) -> None:
        """Append a fault, which is used as often as its `count` says."""
        self._waiting.append((fault, getattr(fault, "count", 1)))

    def peek(self) -> F | None:
        """Return the next fault without using it."""
        return self._waiting[0][0] if self._waiting else None

    def pop(self) -> F | None:
        """Use the next fault once, and return it."""
        if not self._waiting:
            return None
        fault, left = self._waiting.popleft()
        if left > 1:
            self._waiting.appendleft((fault, left - 1))
        return fault

    def pending(self) -> list[F]:
        """Return the waiting faults, next first, each with the count that is left."""
        return [
            msgspec.structs.replace(fault, count=left) if hasattr(fault, "count") else fault
            for fault, left in self._waiting
        ]

    def clear(self) -> None:
        """Remove all waiting faults."""
        self._waiting.clear()


def _subject(fault: Lasting) -> str | None:
    match fault:
        case Mute(symbol=symbol) | Silence(symbol=symbol) | Refuse(symbol=symbol):
            return symbol
        case AnswerNever(method=method):
            return method
        case _:
            return None
