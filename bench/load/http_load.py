"""A cheap HTTP client: keep-alive connections over plain sockets, one request at a time on each.

Requests are prepared before the clock starts. Only the status and the length of a response are
read.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Sequence

LATE_SECONDS = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class HttpLoad:
    """Sends random ones of `requests` for a given time, and counts the responses by status."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.statuses: Counter[int] = Counter()
        self._requests = requests
        self._stop_at = 0.0

    async def run(self, port: int, connections: int, seconds: float) -> float:
        """Send requests for `seconds`; return the responses per second."""
        self.statuses.clear()
        begun = time.monotonic()
        self._stop_at = begun + seconds
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
            for _ in range(connections)
        ]
        async with asyncio.timeout(seconds + LATE_SECONDS):
            await asyncio.gather(*(connection.closed for _, connection in opened))
        return self.statuses.total() / (time.monotonic() - begun)

    def next(self) -> bytes | None:
        """Return the next request, or None at the end."""
        return random.choice(self._requests) if time.monotonic() < self._stop_at else None


class _Connection(asyncio.Protocol):
    def __init__(self, load: HttpLoad) -> None:
        self._load = load
        self._answer = b""
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self._answer = b""
            self._load.statuses[int(head[9:12])] += 1
            self._ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closed.set_result(None)

    def _ask(self) -> None:
        request = self._load.next()
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


def get(path: str, **headers: str) -> bytes:
    """Return the bytes of a GET; underscores in header names become dashes."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
