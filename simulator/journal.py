"""What clients have asked for: the last requests of all connections."""

from __future__ import annotations

from collections import deque

import msgspec

from simulator.clock import now_us, time_text
from simulator.requests import BadRequest, parse_request

MAX_ENTRIES = 10_000


class Entry(msgspec.Struct, frozen=True):
    """A request as it came in; `method` and `channel` are None where they cannot be read."""

    time: str
    connection: int
    method: str | None
    channel: str | None = None
    symbols: list[str] = []


class Journal:
    """The last `MAX_ENTRIES` requests, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)

    def note(self, connection: int, message: str | bytes) -> None:
        """Keep what a connection asks for, whatever comes of it."""
        time = time_text(now_us())
        try:
            request = parse_request(message)
        except BadRequest as bad:
            entry = Entry(time, connection, bad.method)
        else:
            asked = request.params
            channel, symbols = (asked.channel, asked.symbol) if asked else (None, [])
            entry = Entry(time, connection, request.method, channel, symbols)
        self.entries.append(entry)
