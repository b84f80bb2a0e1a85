"""The route /best/{pair}/stream: the best prices of a pair as Server-Sent Events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Scope, Send

from api.access.caller import caller_of
from api.delivery.stream import HEADERS, Stream
from api.delivery.stream_socket import socket_of
from api.delivery.streams import Streams
from api.follow.event_log import Write
from api.http.best import source_of_venues
from api.http.best_feeds import BestChoice, BestFeed, BestFeeds
from api.http.books import SOURCE_HEADER
from api.http.parameters import parse_interval, single
from api.store.metrics import EVENTS_OUT

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter

# Seconds between two events if the client chooses no interval.
DEFAULT_INTERVAL = 0.1

_events_out = EVENTS_OUT.total


class BestReader:
    """One reader's place in a feed: it gets the newest event that it does not have yet.

    Args:
        feed: The feed.
    """

    def __init__(self, feed: BestFeed) -> None:
        self.log = feed.log
        self._index = 0

    async def next(self) -> bytes:
        """Return the newest event, empty if it was sent."""
        return self.ready().data

    def ready(self) -> Write:
        """Return the newest event, or nothing if it was sent."""
        write = self.log.read(self._index) or self.log.read(self.log.end - 1)
        assert write is not None, "a log never drops its newest event"
        if write.data:
            self._index = write.end
            _events_out.value += 1
        return write


class BestStreamRoute:
    """The handler of the route, which writes to the request's socket.

    Args:
        feeds: The feeds of this process.
        streams: The open streams.
        limiter: Limits the streams of each caller; None for no limits.
    """

    def __init__(self, feeds: BestFeeds, streams: Streams, limiter: Limiter | None = None) -> None:
        self._feeds = feeds
        self._streams = streams
        self._limiter = limiter

    async def __call__(self, request: Request, send: Send) -> None:
        """Serve one stream until its client leaves or the service drains.

        Problem or ApiError is raised before the stream opens.
        """
        caller = caller_of(request.scope)
        interval = single(request.query_params, "interval")
        seconds = DEFAULT_INTERVAL if interval is None else parse_interval(interval)
        symbols = await self._feeds.prices.symbols(request.path_params["pair"], caller.symbols)
        choice = BestChoice(symbols[0], seconds, caller.symbols)
        if request.method == "HEAD":
            await self._answer_head(symbols, choice, send)
            return
        self._streams.check_room()
        if self._limiter is None:
            await self._serve(choice, request.scope, send)
            return
        self._limiter.check_symbols(caller, len(symbols))
        async with self._limiter.stream(caller, choice):
            await self._serve(choice, request.scope, send)

    async def _serve(self, choice: BestChoice, scope: Scope, send: Send) -> None:
        feed = await self._feeds.join(choice)
        try:
            reader = BestReader(feed)
            stream = Stream(reader, socket_of(scope), send)
            self._streams.add(stream, caller_of(scope).is_permitted)
            try:
                source = source_of_venues(feed.shown) if feed.shown else "none"
                await stream.run(reader.ready().data, [_source_header(source)])
            finally:
                stream.detach()
                self._streams.remove(stream)
        finally:
            self._feeds.leave(feed)

    async def _answer_head(self, symbols: list[str], choice: BestChoice, send: Send) -> None:
        answer = await self._feeds.prices.read(symbols, choice.visible)
        headers = [*HEADERS, _source_header(source_of_venues(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _source_header(source: str) -> tuple[bytes, bytes]:
    return SOURCE_HEADER.lower().encode(), source.encode()
