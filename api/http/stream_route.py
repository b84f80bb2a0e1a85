"""`/stream/{symbol}`, `/stream`: opens a stream, fresh or where the client's last one stopped."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.delivery.stream import HEADERS, Stream
from api.delivery.stream_begin import AnyReader, StreamBeginning, WaitingReader
from api.delivery.stream_socket import socket_of
from api.delivery.streams import Streams
from api.follow.tail import Tail
from api.http.books import SOURCE_HEADER, source_of
from api.http.parameters import parse_asked
from api.http.problems import Problem
from api.store.directory import Directory
from api.views.channel_registry import ChannelRegistry
from runtime.logs import get_logger

log = get_logger(__name__)


class StreamRoute:
    """An ASGI application for two routes: it keeps the socket, and no task besides its own."""

    def __init__(
        self,
        directory: Directory,
        tail: Tail,
        channels: ChannelRegistry,
        streams: Streams,
    ) -> None:
        self._channels = channels
        self._directory = directory
        self._tail = tail
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request until its client or the service leaves.

        Raises Problem before that, unless it is one that passes by itself.
        """
        request = Request(scope, receive)
        asked = parse_asked(request)
        beginning = StreamBeginning(self._directory, self._tail, self._channels, asked)
        if request.method == "HEAD":
            await self._answer_head(beginning, send)
            return
        reader, opening = await self._begin(beginning)
        stream = Stream(reader, socket_of(scope), send)
        self._streams.add(stream)
        try:
            headers = [self._source()]
            # Without a name here, which would hold it as long as the stream lasts.
            first = [opening]
            del opening
            await stream.run(first.pop(), headers)
        except Problem as problem:
            # What was waited for is known not to come: the client learns why when it comes back.
            log.info("stream ended", symbol=stream.symbol, problem=problem.name)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            stream.detach()
            self._streams.remove(stream)
            reader.close()

    async def _begin(self, beginning: StreamBeginning) -> tuple[AnyReader | WaitingReader, bytes]:
        try:
            return await beginning.begin()
        except Problem as problem:
            if not beginning.may_wait_for(problem):
                raise
            waiting = WaitingReader(beginning)
            return waiting, waiting.wait_for(problem)

    async def _answer_head(self, beginning: StreamBeginning, send: Send) -> None:
        try:
            await beginning.asked.choice(self._directory)
        except Problem as problem:
            if not beginning.may_wait_for(problem):
                raise
        headers = [*HEADERS, self._source()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _source(self) -> tuple[bytes, bytes]:
        """Return the header that says where the books come from, as far as is known."""
        return SOURCE_HEADER.lower().encode(), source_of(self._directory.last_states()).encode()
