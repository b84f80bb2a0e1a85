"""The routes `/stream/{symbol}` and `/stream`: open a new stream, or resume one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Scope, Send

from api.access.caller import caller_of
from api.delivery.stream import HEADERS, Stream
from api.delivery.stream_socket import socket_of
from api.delivery.stream_start import (
    StartedStream,
    StreamRequest,
    StreamStarter,
    may_wait_for,
    start_or_wait,
)
from api.delivery.streams import Streams
from api.http.books import SOURCE_HEADER, source_of
from api.http.parameters import parse_stream_request
from api.store.directory import Directory
from api.store.errors import ApiError
from api.views.channel_registry import Choice
from kraken_book.symbols import venue_of
from runtime.logs import get_logger

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter

log = get_logger(__name__)


class StreamRoute:
    """The handler of both routes, which writes to the request's socket.

    Args:
        directory: Has the source of the books.
        starter: Starts streams.
        streams: The open streams.
        limiter: Limits the streams of each caller; None for no limits.
    """

    def __init__(
        self,
        directory: Directory,
        starter: StreamStarter,
        streams: Streams,
        limiter: Limiter | None = None,
    ) -> None:
        self._directory = directory
        self._starter = starter
        self._streams = streams
        self._limiter = limiter

    async def __call__(self, request: Request, send: Send) -> None:
        """Serve one stream until its client leaves or the service drains.

        Problem or ApiError is raised before the stream opens, unless the error may pass.
        """
        asked = parse_stream_request(request)
        if request.method == "HEAD":
            await self._answer_head(asked, send)
            return
        self._streams.check_room()
        if self._limiter is None:
            await self._serve(asked, request.scope, send)
        else:
            await self._serve_within_limits(self._limiter, asked, request.scope, send)

    async def _serve_within_limits(
        self, limiter: Limiter, asked: StreamRequest, scope: Scope, send: Send
    ) -> None:
        caller = caller_of(scope)
        limiter.check_symbols(caller, len(self._symbols_of(asked)))

        async def admit_read() -> None:
            await limiter.count("resumes", caller)

        # All readers of the events of one book share its ring, so they need no view of their own.
        is_shared = not asked.is_many and asked.view is None
        symbols = None if asked.names is None else tuple(sorted(asked.symbols))
        choice = Choice(symbols, asked.view, asked.is_many, wanted=asked.wildcards)
        async with limiter.stream(caller, None if is_shared else choice):
            await self._serve(asked._replace(admit_read=admit_read), scope, send)

    async def _serve(self, asked: StreamRequest, scope: Scope, send: Send) -> None:
        started = await start_or_wait(self._starter, asked)
        await serve_stream(self._streams, started, [self._source(asked)], scope, send)

    async def _answer_head(self, asked: StreamRequest, send: Send) -> None:
        try:
            await self._starter.resolve(asked)
        except ApiError as error:
            if not may_wait_for(error, asked):
                raise
        headers = [*HEADERS, self._source(asked)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _source(self, asked: StreamRequest) -> tuple[bytes, bytes]:
        """Return the header with the source of the books, as far as it is known."""
        states = self._directory.last_states(asked.visible)
        if asked.names is not None:
            venues = {*map(venue_of, self._symbols_of(asked))}
            states = {s: state for s, state in states.items() if venue_of(s) in venues}
        return SOURCE_HEADER.lower().encode(), source_of(states).encode()

    def _symbols_of(self, asked: StreamRequest) -> Collection[str]:
        """Return the symbols of a stream, as far as they are known."""
        listed = self._directory.last_states(asked.visible)
        if asked.names is None:
            return listed
        if asked.wildcards is None:
            return asked.symbols
        return {*asked.symbols, *asked.wildcards.among(listed)}


async def serve_stream(
    streams: Streams,
    started: StartedStream,
    headers: list[tuple[bytes, bytes]],
    scope: Scope,
    send: Send,
) -> None:
    """Serve a started stream until its client leaves or the service drains; close its reader."""
    reader = started.reader
    stream = Stream(reader, socket_of(scope), send)
    streams.add(stream, caller_of(scope).is_permitted)
    try:
        await stream.run(started.take_opening(), headers)
    except ApiError as error:
        # The client gets the error when it reconnects.
        log.info("stream ended", symbol=stream.symbol, problem=error.code)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        stream.detach()
        streams.remove(stream)
        reader.close()
