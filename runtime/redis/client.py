"""Connect to the Redis that a URL names, by clients that leave it to us what a failed call means.

redis-py's own retries are off: a write of unknown outcome that it repeats in silence is stored
twice (measured: one XADD during a stall left two entries), and a caller that wants to say "Redis is
away" must learn of the first failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.redis.cluster import ClusterNodes
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes, OneNode
from runtime.redis.redis_py_internals import master_pool, server_pool
from runtime.redis.url import Address, parse_redis_url

# Sentinels do little else than answer; if one does not, another is asked.
SENTINEL_TIMEOUT = 1.0


def connect_nodes(
    url: str, *, timeout: float = 5.0, max_connections: int = 32, only_reads: bool = False
) -> Nodes:
    """Return the servers behind `url`, each with a client; they are connected to when first used.

    Args:
        url: A URL as `parse_redis_url` reads it: one server, Sentinels or a cluster.
        timeout: See `connect_redis`, as for the other arguments.
        max_connections: To each server.
        only_reads: Whether only reads are sent.
    """
    parsed = parse_redis_url(url)
    connect = partial(
        connect_redis, timeout=timeout, max_connections=max_connections, only_reads=only_reads
    )
    if parsed.server:
        return OneNode(connect(parsed.server))
    if parsed.master:
        master = connect_master(
            parsed.node(Address("master", 1)),
            parsed.addresses,
            parsed.master,
            timeout=timeout,
            max_connections=max_connections,
            only_reads=only_reads,
        )
        return OneNode(master)
    return ClusterNodes(lambda address: connect(parsed.node(address)), parsed.addresses)


def connect_redis(
    url: str, *, timeout: float = 5.0, max_connections: int = 32, only_reads: bool = False
) -> RedisNode:
    """Return a client of the server at `url`; it connects when first used. Replies are bytes.

    Args:
        url: The URL of one server.
        timeout: Seconds after which a call without an answer raises redis.TimeoutError.
        max_connections: How many there may be; with all in use a call waits up to `timeout` for
            one.
        only_reads: Whether a call may be repeated once on a new connection when its own is found
            closed, as each one of the pool is after a restart of Redis. Otherwise nothing is.
    """
    pool = server_pool(url, **_options(timeout, max_connections, only_reads))
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
    """Return a client like `connect_redis` of the server that Sentinels call `master`.

    Each new connection asks for its address again, so that after a failover the next call goes to
    the new master. A master that has become a replica raises redis.ConnectionError for a write.

    Args:
        url: How to speak to it: user, password, database, TLS. Its address is ignored.
        sentinels: The addresses of the Sentinels.
        master: The name of the master.
        timeout: See `connect_redis`.
        max_connections: See `connect_redis`.
        only_reads: See `connect_redis`.
    """
    options: dict[str, Any] = {
        **parse_url(url),
        **_options(timeout, max_connections, only_reads),
    }
    for name in ("host", "port"):
        del options[name]
    tls = options.pop("connection_class", None) is SSLConnection
    asked = Sentinel(  # type: ignore[no-untyped-call]  # redis-py has no types for it
        sentinels, sentinel_kwargs=_sentinel_options(options, tls=tls)
    )
    return cast("RedisNode", RedisNode.from_pool(master_pool(master, asked, tls=tls, **options)))


def _options(timeout: float, max_connections: int, only_reads: bool) -> dict[str, Any]:
    return {
        "timeout": timeout,
        "retry": Retry(NoBackoff(), int(only_reads), supported_errors=(RedisConnectionError,)),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "max_connections": max_connections,
    }


def _sentinel_options(options: dict[str, Any], *, tls: bool) -> dict[str, Any]:
    """Return how to speak to Sentinels: with the same TLS, without the data nodes' user."""
    kept = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return {
        **kept,
        "ssl": tls,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": SENTINEL_TIMEOUT,
        "socket_connect_timeout": SENTINEL_TIMEOUT,
    }
