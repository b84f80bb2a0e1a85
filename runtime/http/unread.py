"""Answers that wait because their client does not read them, and how long they may."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Writing(Protocol):
    """Interface of a connection that is written to."""

    transport: asyncio.Transport

    @property
    def is_streaming(self) -> bool:
        """Return whether a stream cuts the connection off if the client does not read."""


C = TypeVar("C", bound=Writing)


@dataclass
class _Wait:
    """Times of one answer that waits, and how much of it did when that changed last."""

    since: float
    progress_at: float
    unsent: int = sys.maxsize


def unsent_bytes(transport: asyncio.Transport) -> int:
    """Return how many bytes wait in this process and in the system for the client to take them."""
    waiting = transport.get_write_buffer_size()
    with contextlib.suppress(OSError, ValueError):
        # The system takes more of us only after much of what it has is gone.
        fileno = transport.get_extra_info("socket").fileno()
        waiting += int.from_bytes(fcntl.ioctl(fileno, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return waiting


class UnreadAnswers(Generic[C]):
    """Connections to which the system takes no more bytes at present.

    Args:
        write_seconds: How long a client may take nothing of an answer.
        answer_seconds: How long a client may take for a whole answer.
    """

    def __init__(self, write_seconds: float, answer_seconds: float) -> None:
        self._write_seconds = write_seconds
        self._answer_seconds = answer_seconds
        self._waits: dict[C, _Wait] = {}

    def add(self, connection: C, now: float) -> None:
        """Begin to watch an answer."""
        self._waits[connection] = _Wait(now, now)

    def remove(self, connection: C) -> None:
        """End to watch it, because all of it is sent, or its connection is closed."""
        self._waits.pop(connection, None)

    def overdue(self, now: float) -> Iterator[C]:
        """Yield the connections whose client reads too slowly, except for streams."""
        for connection, wait in list(self._waits.items()):
            if connection.is_streaming:
                continue
            unsent = unsent_bytes(connection.transport)
            if unsent < wait.unsent:
                wait.unsent, wait.progress_at = unsent, now
            if (
                now - wait.progress_at > self._write_seconds
                or now - wait.since > self._answer_seconds
            ):
                yield connection

    def since(self) -> Iterator[tuple[C, float]]:
        """Yield each connection with the time since which its answer waits."""
        for connection, wait in self._waits.items():
            yield connection, wait.since
