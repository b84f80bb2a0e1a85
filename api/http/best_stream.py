"""The route /best/{pair}/stream: the best prices of a pair as Server-Sent Events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Scope, Send

from api.access.caller import caller_of
from api.delivery.stream import HEADERS
from api.delivery.stream_start import may_wait_for, start_or_wait
from api.delivery.streams import Streams
from api.http.best import source_of_venues
from api.http.best_feeds import BestChoice, BestFeeds
from api.http.books import SOURCE_HEADER
from api.http.parameters import parse_interval, single
from api.http.stream_route import serve_stream
from api.store.errors import ApiError
from kraken_book.symbols import normalize_symbol

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter

# Seconds between two events if the client chooses no interval.
DEFAULT_INTERVAL = 0.1


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

        Problem or ApiError is raised before the stream opens, unless the error may pass.
        """
        caller = caller_of(request.scope)
        interval = single(request.query_params, "interval")
        seconds = DEFAULT_INTERVAL if interval is None else parse_interval(interval)
        asked = BestChoice(request.path_params["pair"], seconds, caller.symbols)
        symbols = await self._symbols(asked)
        # The first symbol, so that readers share a feed whatever spelling they use.
        symbol = symbols[0] if symbols else normalize_symbol(asked.symbol)
        choice = asked._replace(symbol=symbol)
        if request.method == "HEAD":
            await self._answer_head(symbols, choice, send)
            return
        self._streams.check_room()
        if self._limiter is None:
            await self._serve(choice, request.scope, send)
            return
        self._limiter.check_symbols(caller, max(1, len(symbols)))
        async with self._limiter.stream(caller, choice):
            await self._serve(choice, request.scope, send)

    async def _symbols(self, asked: BestChoice) -> list[str]:
        """Return the symbols of the pair; none if the stream must wait for them."""
        try:
            return await self._feeds.prices.symbols(asked.symbol, asked.visible)
        except ApiError as error:
            if not may_wait_for(error, asked):
                raise
            return []

    async def _serve(self, choice: BestChoice, scope: Scope, send: Send) -> None:
        started = await start_or_wait(self._feeds, choice)
        shown = self._feeds.shown(choice)
        source = source_of_venues(shown) if shown else "none"
        await serve_stream(self._streams, started, [_source_header(source)], scope, send)

    async def _answer_head(self, symbols: list[str], choice: BestChoice, send: Send) -> None:
        source = "none"
        try:
            if symbols:
                source = source_of_venues(await self._feeds.prices.read(symbols, choice.visible))
        except ApiError as error:
            if not may_wait_for(error, choice):
                raise
        headers = [*HEADERS, _source_header(source)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _source_header(source: str) -> tuple[bytes, bytes]:
    return SOURCE_HEADER.lower().encode(), source.encode()
