"""Clients of Redis that decide themselves what a failed call means.

redis-py's own retries are off: a write of unknown outcome that it repeats in silence is stored
twice (measured: one XADD during a stall left two entries), and a caller that wants to say "Redis is
away" must hear of the first failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.redis.exchange import ExchangingConnection, RedisNode
from runtime.redis.url import Address

# Sentinels do little else than answer; while one does not, another is asked.
SENTINEL_SECONDS = 1.0


def connect_redis(
    url: str, *, timeout: float = 5.0, max_connections: int = 32, only_reads: bool = False
) -> RedisNode:
    """A client of the server at `url`; it connects when first used.

    Every call that gets no answer within `timeout` seconds raises redis.TimeoutError; nothing is
    repeated, unless it `only_reads`: then a call on a connection that is found closed is tried once
    more on a new one, for after a restart of Redis each connection of the pool is. With all
    `max_connections` in use a call waits for one, as long. Replies are bytes.
    """
    pool = BlockingConnectionPool.from_url(url, **_options(timeout, max_connections, only_reads))
    pool.connection_class = _exchanging(pool.connection_class)
    return cast("RedisNode", RedisNode.from_pool(pool))


def connect_master(
    url: str,
    sentinels: Sequence[Address],
    master: str,
    *,
    timeout: float = 5.0,
    max_connections: int = 32,
    only_reads: bool = False,
) -> RedisNode:
    """A client, as `connect_redis` makes one, of the server that Sentinels call `master`.

    `url` says how to speak to it: user, password, database, TLS; its address is the Sentinels'
    word. Each new connection asks for that anew, so that after a failover the next call goes to the
    new master. A master that has become a replica raises redis.ConnectionError for a write.
    """
    options: dict[str, Any] = {
        **parse_url(url),
        **_options(timeout, max_connections, only_reads),
    }
    for name in ("host", "port"):
        del options[name]
    tls = options.pop("connection_class", None) is SSLConnection
    kind = SentinelManagedSSLConnection if tls else SentinelManagedConnection
    asked = Sentinel(  # type: ignore[no-untyped-call]  # redis-py has no types for it
        sentinels, sentinel_kwargs=_sentinel_options(options, tls=tls)
    )
    pool = _BlockingMasterPool(  # type: ignore[no-untyped-call]  # as above
        master, asked, connection_class=_exchanging(kind, is_masters=True), **options
    )
    return cast("RedisNode", RedisNode.from_pool(pool))


def _options(timeout: float, max_connections: int, only_reads: bool) -> dict[str, Any]:
    return {
        "timeout": timeout,
        "retry": Retry(NoBackoff(), int(only_reads), supported_errors=(RedisConnectionError,)),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "max_connections": max_connections,
    }


def _sentinel_options(options: dict[str, Any], *, tls: bool) -> dict[str, Any]:
    """How to speak to Sentinels: with the same TLS, without the data nodes' user."""
    kept = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return {
        **kept,
        "ssl": tls,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": SENTINEL_SECONDS,
        "socket_connect_timeout": SENTINEL_SECONDS,
    }


class _BlockingMasterPool(SentinelConnectionPool, BlockingConnectionPool):
    """redis-py's pool of a Sentinel's master, but it waits where no connection is free."""

    async def aclose(self) -> None:
        """Close the connections, the Sentinels' too."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def _exchanging(
    kind: type[AbstractConnection], *, is_masters: bool = False
) -> type[AbstractConnection]:
    return type(kind.__name__, (ExchangingConnection, kind), {"is_masters": is_masters})
