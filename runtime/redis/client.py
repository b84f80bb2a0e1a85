"""Create clients for the servers of a Redis URL, without redis-py's retries.

If the outcome of a write is unknown, a retry can store it twice: an XADD that is repeated after a
stall leaves two entries. Callers must also see the first failure, to log it and to report that
Redis cannot be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as RedisConnectionError

from kraken_book.hosts import is_port
from kraken_book.password_file import PasswordFile
from kraken_book.redis_url import without_password_file
from runtime.redis.cluster import ClusterNodes
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes, OneNode
from runtime.redis.redis_py_internals import master_pool, server_pool
from runtime.redis.url import Address, parse_redis_url

# Shorter than the timeout of data nodes, because another Sentinel can be asked.
SENTINEL_TIMEOUT = 1.0
# Each connection would read the version from the package's metadata: 0.45 ms of 0.46 (2026-11).
_DRIVER = DriverInfo()


def connect_nodes(
    url: str, *, timeout: float = 5.0, max_connections: int = 32, only_reads: bool = False
) -> Nodes:
    """Return clients for all servers of `url`; each connects when it is first used.

    Args:
        url: The URL of one server, of Sentinels or of a cluster, as `parse_redis_url` accepts it.
        timeout: See `connect_redis`.
        max_connections: See `connect_redis`; the limit applies to each server.
        only_reads: See `connect_redis`.
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
    """Return a client of the server at `url`; it connects when it is first used.

    Replies are bytes.

    Args:
        url: The URL of one server.
        timeout: Seconds after which a call without a reply raises redis.TimeoutError.
        max_connections: The size of the pool. If all connections are in use, a call waits up to
            `timeout` for one.
        only_reads: Whether the client sends reads alone. If so, a call on a lost connection is
            repeated once on another one; all of the pool are lost after a restart of Redis.
    """
    url, credentials = _credentials(url)
    pool = server_pool(url, **_options(timeout, max_connections, only_reads), **credentials)
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
    """Return a client of the master that Sentinels know as `master`; see `connect_redis`.

    Each new connection asks the Sentinels for the master's address, so that calls after a failover
    reach the new master. A write to a master that has become a replica raises
    redis.ConnectionError.

    Args:
        url: The user, password, database and TLS parameters; its address is ignored.
        sentinels: The addresses of the Sentinels.
        master: The name of the master.
        timeout: See `connect_redis`.
        max_connections: See `connect_redis`.
        only_reads: See `connect_redis`.
    """
    url, credentials = _credentials(url)
    options: dict[str, Any] = {
        **parse_url(url),
        **_options(timeout, max_connections, only_reads),
        **credentials,
    }
    for name in ("host", "port"):
        del options[name]
    tls = options.pop("connection_class", None) is SSLConnection
    client = _Sentinels(  # type: ignore[no-untyped-call]  # redis-py has no types for it
        sentinels, sentinel_kwargs=_sentinel_options(options, tls=tls)
    )
    return cast("RedisNode", RedisNode.from_pool(master_pool(master, client, tls=tls, **options)))


class _Sentinels(Sentinel):
    """redis-py's client of Sentinels, which accepts only addresses that exist."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the address of a master.

        Raises:
            redis.asyncio.sentinel.MasterNotFoundError: No Sentinel answers, or the port is invalid.
        """
        host, port = await super().discover_master(service_name)
        if not is_port(port):
            raise MasterNotFoundError(f"{host}:{port} is no address: ports are 1 to 65535")
        return host, port


def _credentials(url: str) -> tuple[str, dict[str, Any]]:
    """Return the URL of one server without its password file, and the connections' options."""
    plain, user, path = without_password_file(url)
    return plain, {"credential_provider": PasswordFile(user, Path(path))} if path else {}


def _options(timeout: float, max_connections: int, only_reads: bool) -> dict[str, Any]:
    return {
        "timeout": timeout,
        "retry": Retry(NoBackoff(), int(only_reads), supported_errors=(RedisConnectionError,)),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "max_connections": max_connections,
        "driver_info": _DRIVER,
    }


def _sentinel_options(options: dict[str, Any], *, tls: bool) -> dict[str, Any]:
    """Return the connection options for Sentinels: the same TLS, without the data nodes' user."""
    tls_options = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return {
        **tls_options,
        "ssl": tls,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": SENTINEL_TIMEOUT,
        "socket_connect_timeout": SENTINEL_TIMEOUT,
        "driver_info": _DRIVER,
    }
