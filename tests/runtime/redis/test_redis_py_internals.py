"""Undocumented parts of redis-py that `runtime.redis.redis_py_internals` uses.

If one of these tests fails, redis-py has changed: adapt that module and the range of versions.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

from runtime.redis.client import connect_redis
from runtime.redis.redis_py_internals import (
    ExchangingConnection,
    master_pool,
    server_pool,
    url_parameters,
)
from tests.installed import changed, require_checked_version

METHODS = {
    "_connect": ["self"],
    "_send_packed_command": ["self", "command"],
    "can_read": ["self"],
    "pack_commands": ["self", "commands"],
}


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[ExchangingConnection]:
    pool = server_pool(redis_url, socket_timeout=5.0)
    made = await pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
    assert isinstance(made, ExchangingConnection), changed("redis", "connection_class is ignored")
    yield made
    await pool.release(made)
    await pool.aclose()


def test_installed_redis_py_is_in_the_checked_range() -> None:
    require_checked_version("redis", "runtime/redis/redis_py_internals.py")


@pytest.mark.parametrize(("name", "parameters"), METHODS.items())
def test_connection_has_the_methods_that_are_overridden(name: str, parameters: list[str]) -> None:
    method = getattr(AbstractConnection, name, None)
    assert method is not None, changed("redis", f"AbstractConnection has no {name}")
    found = list(inspect.signature(method).parameters)
    assert found == parameters, changed("redis", f"AbstractConnection.{name} takes {found}")


async def test_connection_has_asyncio_streams_only_while_it_is_connected(
    connection: ExchangingConnection,
) -> None:
    streams = (connection._reader, connection._writer)
    kinds = (asyncio.StreamReader, asyncio.StreamWriter)
    assert all(map(isinstance, streams, kinds)), changed("redis", f"its streams are {streams}")
    assert connection.is_connected
    await connection.disconnect()
    assert (connection._reader, connection._writer) == (None, None), changed(
        "redis", "a closed connection keeps its streams"
    )
    assert not connection.is_connected


async def test_handshake_leaves_no_bytes_for_the_first_reply(
    connection: ExchangingConnection,
) -> None:
    assert await connection.is_ready(), changed("redis", "the handshake leaves bytes unread")
    assert await connection.exchange([("ECHO", "mine")]) == [b"mine"]
    assert await connection.is_ready(), changed("redis", "its parser reads what we read")


async def test_calls_of_redis_py_and_exchanges_can_alternate(
    connection: ExchangingConnection,
) -> None:
    for _ in range(2):
        await connection.send_command("ECHO", "call")
        assert await connection.read_response() == b"call"
        assert await connection.exchange([("ECHO", "exchange")]) == [b"exchange"]


async def test_parser_returns_the_class_of_an_error(
    connection: ExchangingConnection,
) -> None:
    parse: Any = connection._parser.parse_error
    found = [type(parse(text)) for text in ("READONLY replica", "ERR unknown command")]
    assert found == [ReadOnlyError, ResponseError], changed("redis", f"it makes {found}")


async def test_write_to_reset_connection_raises_connection_error_of_redis_py(
    connection: ExchangingConnection,
) -> None:
    assert connection._writer is not None
    connection._writer.transport.abort()
    await asyncio.sleep(0)
    with pytest.raises(RedisConnectionError):
        await connection.exchange([("PING",)])


@pytest.mark.parametrize(
    ("url", "kind"),
    [("rediss://host/0", SSLConnection), ("unix:///socket", UnixDomainSocketConnection)],
)
def test_pool_creates_exchanging_connections_of_the_class_of_the_url(
    url: str, kind: type[AbstractConnection]
) -> None:
    made = server_pool(url).make_connection()  # type: ignore[no-untyped-call]  # redis-py's
    assert isinstance(made, ExchangingConnection), changed("redis", "connection_class is ignored")
    assert isinstance(made, kind)


async def test_master_pool_is_blocking_and_has_its_sentinels() -> None:
    sentinels = Sentinel([("host", 26379)])  # type: ignore[no-untyped-call]  # redis-py's
    pool = master_pool("books", sentinels, tls=False, max_connections=1, timeout=0.01)
    assert isinstance(pool, BlockingConnectionPool)
    found = (pool.max_connections, pool.timeout, getattr(pool, "sentinel_manager", None))
    assert found == (1, 0.01, sentinels), changed("redis", "its pools do not share arguments")
    made = pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py's
    assert isinstance(made, ExchangingConnection)
    assert made.is_to_master
    await pool.aclose()


def test_url_parameters_include_the_documented_ones() -> None:
    documented = {"db", "protocol", "client_name", "socket_timeout", "max_connections", "timeout"}
    documented |= {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "health_check_interval"}
    missing = documented - url_parameters()
    assert not missing, changed("redis", f"no __init__ has the parameters {missing}")


async def test_client_has_converters_by_command_name() -> None:
    client = connect_redis("redis://127.0.0.1:1/0")
    for name in ("XRANGE", "XREAD", "TIME"):
        assert name in client.response_callbacks, changed("redis", f"no callback for {name}")
    await client.aclose()
