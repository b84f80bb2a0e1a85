"""Readers of any streams, in a process of their own, that only count events by kind.

They cost far less than the servers that they read from.
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

from lab.process import ROOT
from runtime.process import die_with_parent

ANSWER_SECONDS = 60.0


class StreamAddress(NamedTuple):
    """A stream of a server of this machine."""

    port: int
    path: str


class ReaderCounts(NamedTuple):
    """What one reader has been sent."""

    updates: int
    snapshots: int
    lagged: int
    bytes: int


class CountingReaders:
    """One reader of each address, in this order, until the context ends."""

    def __init__(self, addresses: Sequence[StreamAddress]) -> None:
        self._addresses = list(addresses)
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        with ExitStack() as undo, theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "lab.sse.counting_process", str(theirs.fileno())],
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

    def counts(self) -> list[ReaderCounts]:
        """Return what each reader has been sent, in the order of the addresses."""
        self._end.send("had")
        found: list[ReaderCounts] = self._answer()
        return found

    def _answer(self) -> list[ReaderCounts]:
        assert self._end.poll(ANSWER_SECONDS), "the readers do not answer"
        answer: list[ReaderCounts] = self._end.recv()
        return answer


def wait_for_updates(readers: CountingReaders, updates: Sequence[int], seconds: float) -> bool:
    """Return True when every reader has had so many updates, or False after `seconds`."""
    deadline = monotonic() + seconds
    while True:
        had = readers.counts()
        if all(each.updates >= wanted for each, wanted in zip(had, updates, strict=True)):
            return True
        if monotonic() > deadline:
            return False
        select.select([], [], [], 0.02)
