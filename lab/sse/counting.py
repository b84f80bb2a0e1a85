"""Readers of any streams, in a separate process, that only count events by kind.

They use far less CPU than the servers that they read. This module is an independent witness: it
reads events without code of the product.
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

ANSWER_TIMEOUT = 60.0


class StreamAddress(NamedTuple):
    """A stream of a server on this machine."""

    port: int
    path: str


class ReaderCounts(NamedTuple):
    """The events and bytes that one reader has received."""

    updates: int
    snapshots: int
    lagged: int
    bytes: int


class CountingReaders:
    """One reader for each address, in their order, until the context ends."""

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
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread here
            )
            undo.callback(process.wait, 20)
            # The process ends when this connection is closed.
            self._end = undo.enter_context(Connection(ours.detach()))
            self._end.send(self._addresses)
            self._answer()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def counts(self) -> list[ReaderCounts]:
        """Return the counts of each reader, in the order of the addresses."""
        self._end.send("counts")
        found: list[ReaderCounts] = self._answer()
        return found

    def _answer(self) -> list[ReaderCounts]:
        assert self._end.poll(ANSWER_TIMEOUT), "the process of the readers does not answer"
        answer: list[ReaderCounts] = self._end.recv()
        return answer


def wait_for_updates(readers: CountingReaders, updates: Sequence[int], seconds: float) -> bool:
    """Wait until every reader has received its number of updates.

    Args:
        readers: The readers.
        updates: The number of updates for each reader.
        seconds: The longest wait.

    Returns:
        Whether all readers have received their updates within `seconds`.

    """
    deadline = monotonic() + seconds
    while True:
        counts = readers.counts()
        if all(each.updates >= wanted for each, wanted in zip(counts, updates, strict=True)):
            return True
        if monotonic() > deadline:
            return False
        select.select([], [], [], 0.02)
