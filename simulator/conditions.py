"""What is wrong at present: the lasting faults, each until its time."""

from __future__ import annotations

import time
from typing import TypeVar

from simulator.faults import AnswerNever, Lasting, Mute, Refuse, Silence, System

L = TypeVar("L", bound=Lasting)


class Conditions:
    """The lasting faults that are on; a new one takes the place of its like."""

    def __init__(self) -> None:
        self.system: System = "online"
        """What connections are told of the system."""
        self._on: dict[tuple[type[object], str | None], tuple[Lasting, float]] = {}

    def begin(self, fault: Lasting) -> None:
        """Let a fault be on from now for its seconds."""
        self._on[type(fault), _about(fault)] = fault, time.monotonic() + fault.seconds

    def get(self, kind: type[L], about: str | None = None) -> L | None:
        """The fault of a kind if it is on now; `about` a symbol or a method, or about all."""
        # Asked at every move and every write, and hardly ever is anything on.
        if not self._on:
            return None
        fault, until = self._on.get((kind, about), (None, 0.0))
        return fault if isinstance(fault, kind) and until > time.monotonic() else None

    def left(self) -> list[tuple[Lasting, float]]:
        """Each fault that is on, and for how many seconds more."""
        now = time.monotonic()
        return [(fault, until - now) for fault, until in self._on.values() if until > now]

    def lift(self) -> None:
        """End all of them."""
        self._on.clear()


def _about(fault: Lasting) -> str | None:
    match fault:
        case Mute(symbol=symbol) | Silence(symbol=symbol) | Refuse(symbol=symbol):
            return symbol
        case AnswerNever(method=method):
            return method
        case _:
            return None
