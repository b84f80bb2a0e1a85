"""Many readers of one stream in one thread, which check only the seq of events.

This module is an independent witness: it shares no code with the product.
"""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from lab.sse.frozen import stream_request

_ID = re.compile(rb"^id: (?:\d+-)?(\S+)$", re.MULTILINE)
_RECEIVED_AT = re.compile(rb'"received_at":"([^"]+)Z"')


class _Reader(asyncio.Protocol):
    def __init__(self, crowd: CheckingCrowd, request: bytes) -> None:
        self._crowd = crowd
        self._request = request
        self._seq = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        lines, newline, self._rest = (self._rest + data).rpartition(b"\n")
        if b'"kind":"lagged"' in lines:
            self._crowd.wrong.append(f"lagged after {self._seq}")
        for number in _ID.findall(lines + newline):
            self._crowd.joined += not self._seq
            self._crowd.events += 1
            if self._crowd.is_many:
                self._seq += 1
                continue
            seq = int(number)
            if self._seq and seq != self._seq + 1:
                self._crowd.wrong.append(f"seq {seq} after {self._seq}")
            self._seq = seq
        received = _RECEIVED_AT.findall(lines)
        if received:
            moment = datetime.fromisoformat(received[-1].decode()).replace(tzinfo=UTC)
            delay = (datetime.now(UTC) - moment).total_seconds()
            self._crowd.delays.append(delay)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._crowd.leaving:
            self._crowd.wrong.append(f"a stream ended after {self._seq}: {exc}")


class CheckingCrowd(threading.Thread):
    """Readers of one symbol, or with `*` of every book, until the context ends.

    With `*` the readers check only that no `lagged` comes, and not the seq of events.

    Attributes:
        joined: The number of readers that have received an event.
        events: The number of events that all readers have received.
        wrong: The broken promises.
        delays: For each received piece, the seconds since the collector read the frame of the
            piece's last event. Clear it to measure a part of the time.

    """

    def __init__(self, url: str, symbol: str, count: int) -> None:
        super().__init__(daemon=True)
        self.joined = self.events = 0
        self.delays: list[float] = []
        self.wrong: list[str] = []
        self.is_many = symbol == "*"
        self.leaving = False
        self._url = url
        self._request = stream_request(symbol)
        self._count = count
        self._stopping: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._stopping is not None:
            loop, stop = self._stopping
            loop.call_soon_threadsafe(stop.set)
        self.join(30)

    def run(self) -> None:
        """Read until the context ends."""
        try:
            asyncio.run(self._read())
        except Exception as error:  # noqa: BLE001 - reported in `wrong`
            self.wrong.append(f"{type(error).__name__}: {error}")

    async def _read(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stopping = loop, stop
        address = urlsplit(self._url)
        assert address.hostname is not None
        host, port = address.hostname, address.port or 80
        readers = [
            await loop.create_connection(lambda: _Reader(self, self._request), host, port)
            for _ in range(self._count)
        ]
        await stop.wait()
        self.leaving = True
        for transport, _ in readers:
            transport.abort()
