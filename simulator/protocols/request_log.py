"""The latest requests of all clients, over WebSocket and REST."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

from simulator.wire import now_us, time_text

MAX_LOGGED = 10_000


class RequestSummary(NamedTuple):
    """What the log keeps of a message; None for what cannot be read."""

    method: str | None = None
    channel: str | None = None
    symbols: list[str] = []  # noqa: RUF012 - msgspec and the log only read it


class LoggedRequest(msgspec.Struct, frozen=True):
    """A received message; `method` and `channel` are None if they cannot be read."""

    time: str
    connection: int
    method: str | None
    channel: str | None = None
    symbols: list[str] = []


class LoggedRestRequest(msgspec.Struct, frozen=True):
    """A REST request and the status of its answer."""

    time: str
    path: str
    status: int


class ReceivedRequests:
    """The latest `MAX_LOGGED` requests of each kind, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[LoggedRequest] = deque(maxlen=MAX_LOGGED)
        self.rest: deque[LoggedRestRequest] = deque(maxlen=MAX_LOGGED)

    def append(self, connection: int, summary: RequestSummary) -> None:
        """Log a message of a connection, even if it is malformed."""
        self.entries.append(LoggedRequest(time_text(now_us()), connection, *summary))

    def append_rest(self, path: str, status: int) -> None:
        """Log a REST request with its query, and the status of its answer."""
        self.rest.append(LoggedRestRequest(time_text(now_us()), path, status))
