"""What one client of an HTTP server may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpLimits:
    """Limits of one client, in bytes and seconds.

    Attributes:
        head_bytes: The longest request head, with the empty lines before it.
        head_seconds: From the accept or the first byte of a head to its end.
        idle_seconds: How long a connection is kept without a request.
        write_seconds: How long a client may take nothing of an answer.
        answer_seconds: How long a client may take for an answer that is no stream.
        ending_seconds: How long what a client still sends is read after the last answer.
        unread_bytes: How much of what a client sends beside its request is read.
        evict_seconds: How long a connection is safe from making room for others.
        sweep_seconds: The time between two looks at the deadlines.

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
