"""Limits of an HTTP server and of each client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpLimits:
    """Limits of one client, in bytes and seconds.

    Attributes:
        head_bytes: The size of a request head, including empty lines before it.
        head_seconds: The time from the accept or the first byte of a head to its end.
        idle_seconds: The time that a connection is kept without a request.
        write_seconds: The time in which a client must read at least some of an answer.
        answer_seconds: The time in which a client must read a whole answer, unless it is a stream.
        ending_seconds: The time in which bytes from the client are read after the last answer.
        unread_bytes: The number of bytes beyond the request that are read.
        evict_seconds: The age from which a slow connection may be closed for a new one.
        sweep_seconds: The time between two checks of the deadlines.
        max_connections: The number of connections of all clients; None for as many as there are
            files.
    """

    head_bytes: int = 64 * 1024
    head_seconds: float = 20.0
    idle_seconds: float = 620.0
    write_seconds: float = 30.0
    answer_seconds: float = 300.0
    ending_seconds: float = 2.0
    unread_bytes: int = 64 * 1024
    evict_seconds: float = 1.0
    sweep_seconds: float = 1.0
    max_connections: int | None = None
