"""Readers of any streams, in a process of their own, who count what they are sent and keep nothing.

They cost far less than the servers that they read from; of each event its kind alone is looked at.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from time import monotonic
from typing import NamedTuple, Self

from bench.sse_crowd import ROOT
from runtime.process import die_with_parent

ANSWER_SECONDS = 60.0


class Address(NamedTuple):
    """A stream of a server of this machine."""

    port: int
    path: str


class Had(NamedTuple):
    """What one reader has been sent so far."""

    updates: int
    snapshots: int
    lagged: int
    bytes: int


class Drain:
    """One reader at each address, in this order, until the context ends."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = list(addresses)
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        with ExitStack() as undo, theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.drain_process", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread starts them
            )
            undo.callback(process.wait, 20)
            # It ends when this is closed.
            self._end = undo.enter_context(Connection(ours.detach()))
            self._end.send(self._addresses)
            self._answer()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def had(self) -> list[Had]:
        """What each has been sent until now."""
        self._end.send("had")
        found: list[Had] = self._answer()
        return found

    def _answer(self) -> list[Had]:
        assert self._end.poll(ANSWER_SECONDS), "the readers do not answer"
        answer: list[Had] = self._end.recv()
        return answer


def wait_for(drain: Drain, updates: Sequence[int], seconds: float) -> bool:
    """Whether every reader has been sent so many updates, at the latest after so long."""
    deadline = monotonic() + seconds
    while True:
        had = drain.had()
        if all(each.updates >= wanted for each, wanted in zip(had, updates, strict=True)):
            return True
        if monotonic() > deadline:
            return False
        select.select([], [], [], 0.02)
