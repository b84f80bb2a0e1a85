"""`/stream/{symbol}`: opens a stream, fresh or where the client's last one stopped."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.books import SOURCE_HEADER, source_of
from api.directory import Directory
from api.problems import bad_parameter
from api.reader import Reader
from api.socket import socket_of
from api.store import BookStore
from api.stream import HEADERS, Stream
from api.streams import Streams
from api.tail import Tail

_EVENT_ID = re.compile(r"\d{1,15}-\d{1,18}", re.ASCII)


class StreamRoute:
    """An ASGI application for one route: it keeps the socket, and no task besides its own."""

    def __init__(
        self, directory: Directory, store: BookStore, tail: Tail, streams: Streams
    ) -> None:
        self._directory = directory
        self._store = store
        self._tail = tail
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request until its client or the service leaves; raises Problem before that."""
        request = Request(scope, receive)
        event_id = last_event_id(request)
        symbol = await self._directory.resolve(request.path_params["symbol"])
        source = source_of(await self._directory.states()).encode()
        headers = [(SOURCE_HEADER.lower().encode(), source)]
        if request.method == "HEAD":
            await send(
                {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
            )
            await send({"type": "http.response.body", "body": b""})
            return
        reader = Reader(self._tail, self._store, symbol)
        try:
            opening = await (reader.resume(event_id) if event_id else reader.open())
            stream = Stream(reader, socket_of(scope), send)
            self._streams.add(stream)
            try:
                await stream.run(opening, headers)
            finally:
                self._streams.remove(stream)
        finally:
            reader.close()


def last_event_id(request: Request) -> str | None:
    """The event to go on after, None for a fresh stream; raises Problem where it is none."""
    for name, text in (
        ("Last-Event-ID", request.headers.get("Last-Event-ID")),
        ("last_event_id", request.query_params.get("last_event_id")),
    ):
        if text:
            if not _EVENT_ID.fullmatch(text):
                raise bad_parameter(
                    name, f"{text[:40]!r} is no event's id, such as 1785638131660-1042"
                )
            return text
    return None
