"""Thousands of readers of one stream, in separate processes, that measure delays.

This module is an independent witness: it reads events without code of the product.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Self

from lab.process import ROOT
from lab.sse.timing import JOIN_TIMEOUT, Publication, Received
from runtime.process import die_with_parent


class TimingCrowd:
    """Readers of one stream that have joined when the context starts, and end with it.

    Args:
        port: The port of a server on this machine.
        path: The path of the stream.
        count: The number of readers.
        processes: The number of processes that share the readers.

    Attributes:
        pids: The ids of these processes.

    """

    def __init__(self, port: int, path: str, count: int, *, processes: int = 2) -> None:
        self._address = str(port), path
        processes = min(processes, count)
        self._shares = [count // processes + (n < count % processes) for n in range(processes)]
        self._undo = ExitStack()
        self._ends: list[Connection] = []
        self.pids: list[int] = []

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            for share in self._shares:
                self._ends.append(self._start(share, undo))
            for end in self._ends:
                assert end.poll(JOIN_TIMEOUT), "not all readers could open their stream"
                end.recv()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def received(self, publication: Publication) -> Received:
        """Wait until a publication has arrived or its wait has ended; return the figures."""
        found = Received()
        for end in self._ends:
            end.send(publication)
        for end in self._ends:
            found.add(end.recv())
        return found

    def _start(self, share: int, undo: ExitStack) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            arguments = [str(number), *self._address, str(share)]
            process = subprocess.Popen(
                [sys.executable, "-m", "lab.sse.timing_process", *arguments],
                cwd=ROOT,
                pass_fds=[number],
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread here
            )
        undo.callback(process.wait, 20)
        self.pids.append(process.pid)
        # The process ends when this connection is closed.
        return undo.enter_context(Connection(ours.detach()))
