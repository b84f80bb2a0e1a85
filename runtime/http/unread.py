"""Find answers (HTTP responses) that clients do not read in time."""

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
    """Interface of a connection that sends an answer."""

    transport: asyncio.Transport

    @property
    def is_streaming(self) -> bool:
        """Return whether the answer is a stream, which has its own limits for slow clients."""


C = TypeVar("C", bound=Writing)


@dataclass
class _Wait:
    """An answer that waits because its connection's send buffer is full.

    Attributes:
        since: When it began to wait.
        progress_at: When the number of unsent bytes last fell, or `since`.
        unsent: The number of unsent bytes at that time.
    """

    since: float
    progress_at: float
    unsent: int = sys.maxsize


def unsent_bytes(transport: asyncio.Transport) -> int:
    """Return the number of unsent bytes in the transport's and the socket's send buffers."""
    waiting = transport.get_write_buffer_size()
    with contextlib.suppress(OSError, ValueError):
        # The transport's buffer alone would not show slow progress: it shrinks only after much of
        # the socket's buffer has been sent.
        fileno = transport.get_extra_info("socket").fileno()
        waiting += int.from_bytes(fcntl.ioctl(fileno, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return waiting


class UnreadAnswers(Generic[C]):
    """The connections with a full send buffer, and the times for which their answers wait.

    Args:
        write_seconds: The time in which a client must read at least some of an answer.
        answer_seconds: The time in which a client must read the whole answer.
    """

    def __init__(self, write_seconds: float, answer_seconds: float) -> None:
        self._write_seconds = write_seconds
        self._answer_seconds = answer_seconds
        self._waits: dict[C, _Wait] = {}

    def add(self, connection: C, now: float) -> None:
        """Watch a connection from `now` on, because its send buffer is full."""
        self._waits[connection] = _Wait(now, now)

    def remove(self, connection: C) -> None:
        """Stop watching a connection, because its buffer is empty or it is closed."""
        self._waits.pop(connection, None)

    def overdue(self, now: float) -> Iterator[C]:
        """Yield the connections that are read too slowly, except streams."""
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
        """Yield each connection, streams too, with the time at which its answer began to wait."""
        for connection, wait in self._waits.items():
            yield connection, wait.since
