"""Operator endpoints: /healthz, /readyz, /metrics."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from api.delivery.streams import Streams
from api.http.answers import Health, Readiness
from api.http.json_text import encode_json
from api.http.problems import unavailable
from api.store.book_store import BookStore
from api.store.errors import redis_away
from kraken_book import __version__


class Ops:
    """The handlers of the operator endpoints.

    Args:
        store: Reads from Redis.
        streams: The open streams, which are draining at the end of the process.
    """

    def __init__(self, store: BookStore, streams: Streams) -> None:
        self._store = store
        self._streams = streams

    async def healthz(self, _request: Request) -> Response:
        """Answer that the process is alive, without asking Redis."""
        return _json(Health("ok", __version__))

    async def readyz(self, _request: Request) -> Response:
        """Answer whether Redis can be read and this replica is not draining."""
        if self._streams.is_draining:
            raise unavailable("draining", "this replica is draining")
        try:
            await self._store.ping()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        return _json(Readiness("ready"))

    async def metrics(self, _request: Request) -> Response:
        """Answer with the metrics in Prometheus's text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _json(answer: Health | Readiness) -> Response:
    return Response(encode_json(answer), media_type="application/json")
