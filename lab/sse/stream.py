"""One open stream of Server-Sent Events, which is read block by block.

This module is an independent witness: it shares no code with the product.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit

from lab.ladder import BrokenPromiseError

SILENCE_LIMIT = 40.0
"""Seconds without a byte until a read fails; the api sends a comment every 15 s."""


@dataclass
class SseBlock:
    """One block of a stream: an event, a comment or a `retry`."""

    id: str | None = None
    data: list[str] = field(default_factory=list)
    retry: int | None = None
    comments: list[str] = field(default_factory=list)

    @property
    def event(self) -> dict[str, Any]:
        """The event in `data`, decoded."""
        event: dict[str, Any] = json.loads("\n".join(self.data))
        return event


class StreamRefusedError(Exception):
    """The answer to a request for a stream had another status than 200."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"{status}: {body[:500]!r}")
        self.status = status
        self.headers = headers
        self.body = body


class SseStream:
    """One open stream; a read blocks for at most `limit` seconds.

    Raises:
        StreamRefusedError: The api answers with another status than 200.
        OSError: The api cannot be reached.

    """

    def __init__(
        self,
        url: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        limit: float = SILENCE_LIMIT,
    ) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=limit)
        try:
            self._connection.request("GET", path, headers=dict(headers or {}))
            self._response = self._connection.getresponse()
            self.headers = dict(self._response.getheaders())
        except BaseException:
            self._connection.close()
            raise
        if self._response.status != 200:
            body = self._response.read()
            self._connection.close()
            raise StreamRefusedError(self._response.status, self.headers, body)
        self._buffer = b""
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def let_go(self) -> None:
        """Shut the socket down, which ends a read in another thread; call it before `close`."""
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, as a client does when it ends."""
        self.let_go()
        self._response.close()
        self._connection.close()

    def messages(self) -> Iterator[SseBlock]:
        """Yield all blocks until the stream ends."""
        while (message := self.next()) is not None:
            yield message

    def events(self) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Yield all events until the stream ends, each with its id."""
        for message in self.messages():
            if message.data:
                yield message.id, message.event

    def next(self) -> SseBlock | None:
        """Return the next block, or None if the stream has ended."""
        while b"\n\n" not in self._buffer:
            if self._ended:
                return None
            read = self._response.read1(65536)
            self._ended = not read
            self._buffer += read
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        return _message(block.decode())


def _message(block: str) -> SseBlock:
    message = SseBlock()
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            message.id = value
        elif name == "data":
            message.data.append(value)
        elif name == "retry":
            message.retry = int(value)
        elif name == "":
            message.comments.append(value)
        else:
            raise BrokenPromiseError(f"a field that EventSource.onmessage ignores: {line!r}")
    return message


def stream_path(symbol: str) -> str:
    """Return the path of a symbol's stream, with the slash encoded."""
    return f"/stream/{quote(symbol, safe='')}"
