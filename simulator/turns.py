"""Faults that wait for their turn, each for as many as its count says."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import msgspec

from simulator.faults import Fault

F = TypeVar("F", bound=Fault)


class Turns(Generic[F]):
    """What meets the next updates of a market, or its next subscriptions: one fault each."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[F, int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, fault: F) -> None:
        """Let a fault wait behind those that wait already."""
        self._waiting.append((fault, getattr(fault, "count", 1)))

    def next(self) -> F | None:
        """The fault whose turn it is, which goes on waiting."""
        return self._waiting[0][0] if self._waiting else None

    def take(self) -> F | None:
        """The fault whose turn it is, which has now had it."""
        if not self._waiting:
            return None
        fault, left = self._waiting.popleft()
        if left > 1:
            self._waiting.appendleft((fault, left - 1))
        return fault

    def waiting(self) -> list[F]:
        """What waits, first the next; a count says how many turns are left."""
        return [
            msgspec.structs.replace(fault, count=left) if hasattr(fault, "count") else fault
            for fault, left in self._waiting
        ]

    def clear(self) -> None:
        """Let nothing wait."""
        self._waiting.clear()
