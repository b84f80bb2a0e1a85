"""An api that sends prepared answers, valid or invalid, to real clients byte for byte.

For an api with changing markets, see `scripted_api`.

with CannedApi(stream(sse_events(snapshot(1)), HOLD), problem(503)) as api:
    for book in watch(api.url, "BTC/USD"): ...

Each request gets the next answer. If none is left, the connection stays open without an answer.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, Self

import msgspec

from lab.written_books import SYMBOL, Event

EPOCH = 7
HOLD = b""
"""The piece of an answer at which the server stops sending and keeps the connection open."""
_HEAD_END = b"\r\n\r\n"
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n"

Answer = Iterable[bytes]


def sse(event_id: str | None, data: bytes) -> bytes:
    """Return one event as a block of a stream."""
    return (f"id: {event_id}\n" if event_id else "").encode() + b"data: " + data + b"\n\n"


def sse_events(*events: Event, symbol: str = SYMBOL, epoch: int = EPOCH) -> bytes:
    """Return events as an api sends them, each with an id that ends with its seq."""
    entries = [event.entry(epoch, symbol) for event in events]
    return b"".join([sse(f"1000-{entry.seq}", entry.data) for entry in entries])


def stream(*pieces: bytes) -> Answer:
    """Return a stream that ends after these pieces, or stays open at HOLD."""
    return [_STREAM_HEAD, b": hello\n\n", *pieces]


def answer(status: int, body: bytes, *headers: str) -> Answer:
    """Return an answer that is not a stream."""
    head = "\r\n".join([f"HTTP/1.1 {status} So", f"content-length: {len(body)}", *headers])
    return [head.encode() + _HEAD_END + body]


def problem(
    status: int, detail: str = "no", symbols: Iterable[str] = (), kind: str = "about:blank"
) -> Answer:
    """Return a refusal in the api's form."""
    members = {"type": kind, "status": status, "detail": detail, "symbols": list(symbols)}
    body = msgspec.json.encode(members)
    return answer(status, body, "content-type: application/problem+json")


class ApiRequest(NamedTuple):
    """The path and headers of a client's request."""

    target: str
    headers: dict[str, str]


class CannedApi:
    """A server that listens at `url` until its context ends.

    Args:
        answers: The answers to the requests, in order.
        context: A server-side TLS context; None for plain HTTP.

    """

    def __init__(self, *answers: Answer, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[ApiRequest] = []
        self.bytes_sent = 0
        self.open_connections = 0
        self._answers = iter(answers)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._count(1)
        try:
            with suppress(OSError), self._secured(client) as connection:
                self.requests.append(_read_request(connection))
                self._send(connection, self._next_answer())
        finally:
            self._count(-1)

    def _secured(self, client: socket.socket) -> socket.socket:
        if self._context is None:
            return client
        return self._context.wrap_socket(client, server_side=True)

    def _count(self, step: int) -> None:
        with self._lock:
            self.open_connections += step

    def _next_answer(self) -> Answer:
        with self._lock:
            return next(self._answers, [HOLD])

    def _send(self, client: socket.socket, pieces: Answer) -> None:
        for piece in pieces:
            if piece == HOLD:
                self._hold(client)
            client.sendall(piece)
            self.bytes_sent += len(piece)

    def _hold(self, client: socket.socket) -> None:
        client.settimeout(0.05)
        while not self._ended.is_set():
            with suppress(TimeoutError):
                if not client.recv(1):
                    raise ConnectionError("the client left")


def _read_request(client: socket.socket) -> ApiRequest:
    head = b""
    while _HEAD_END not in head:
        read = client.recv(65536)
        if not read:
            raise ConnectionError("no request")
        head += read
    first, *lines = head.decode().split("\r\n")
    headers = dict(_header(line) for line in lines if ":" in line)
    return ApiRequest(first.split(" ")[1], headers)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def dribbled(pieces: Iterable[bytes], seconds: float = 0.05) -> Iterator[bytes]:
    """Yield the pieces, then repeat the last one without end, with a pause before each repeat."""
    last = b""
    for piece in pieces:
        yield piece
        last = piece
    while True:
        time.sleep(seconds)
        yield last


def endless(piece: bytes) -> Iterator[bytes]:
    """Yield a stream that repeats one piece without end."""
    yield _STREAM_HEAD
    while True:
        yield piece
