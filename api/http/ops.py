"""Operator endpoints: /healthz, /readyz, /metrics."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.access.permission import Denied
from api.delivery.streams import Streams
from api.http.answers import Health, Readiness
from api.http.json_text import encode_json
from api.http.problems import unavailable
from api.store.book_store import BookStore
from api.store.errors import redis_away
from kraken_book import __version__
from kraken_book.contract.version import CONTRACT
from runtime.http.exposition import is_open_metrics, metrics_text
from runtime.limited_log import LineLimit

# Each takes 0.4 ms or more (2026-11), in which the process does nothing else.
MAX_TEXTS_PER_SECOND = 20


class Ops:
    """The handlers of the operator endpoints.

    Args:
        store: Reads from Redis.
        streams: The open streams, which are draining at the end of the process.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, store: BookStore, streams: Streams, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._streams = streams
        self._fresh_texts = LineLimit(1.0, lines=MAX_TEXTS_PER_SECOND, clock=clock)
        # By whether the text is OpenMetrics.
        self._texts: dict[bool, tuple[bytes, str]] = {}

    async def healthz(self, _request: Request) -> Response:
        """Answer that the process is alive, without asking Redis."""
        return _json(Health("ok", __version__, str(CONTRACT)))

    async def readyz(self, _request: Request) -> Response:
        """Answer whether this replica can read Redis and what is in it, and is not draining."""
        if self._streams.is_draining:
            raise unavailable("draining", "this replica is draining")
        try:
            await self._store.ping()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        for venue, contract in self._store.report_watch.newer.items():
            raise unavailable(
                "newer-contract",
                f"the collector of {venue} writes contract {contract}, and this replica knows"
                f" {CONTRACT}: it needs a newer release",
            )
        return _json(Readiness("ready"))

    async def metrics(self, request: Request) -> Response:
        """Answer with the metrics in Prometheus's text format, at most a second old."""
        # The labels have symbols and names of all callers.
        if caller_of(request.scope).symbols is not None:
            raise Denied("key-forbids", "/metrics needs a key for all symbols")
        is_open = is_open_metrics(request.headers.get("accept", ""))
        if self._fresh_texts.admits("") or is_open not in self._texts:
            self._texts[is_open] = metrics_text(is_open=is_open)
        text, media_type = self._texts[is_open]
        return Response(text, media_type=media_type)


def _json(answer: Health | Readiness) -> Response:
    return Response(encode_json(answer), media_type="application/json")
