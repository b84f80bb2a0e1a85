"""All that this house uses of redis-py beyond its documentation.

redis-py connects, signs in, speaks TLS and asks Sentinels. Around each call it also keeps figures
for OpenTelemetry, takes a lock and a condition of its pool, arms a timeout for the write and one
for each reply, and packs in Python. `ExchangingConnection` sends several commands in one write,
packed by hiredis, and reads their replies under one timeout.

Names used:

- `AbstractConnection`: `_connect`, `_send_packed_command`, `_writer`, `_reader` and
  `_parser.parse_error`. `_writer` and `_reader` are asyncio streams once `_connect` returns, and
  None after `disconnect`. Whatever a connection reads during its handshake, it reads itself; then
  no byte of a reply is left in its own parser.
- `ConnectionPool.connection_class`, which is replaced after `from_url` has chosen it.
- `SentinelConnectionPool` combined with `BlockingConnectionPool`: both pass their unknown arguments
  on by `super().__init__`, and `sentinel_manager` is the argument of that name.
- Names of the parameters of the connections' and the pool's `__init__`, which a URL may set.

Checked with redis 8.1 (8.0 fails); the guard is `tests/runtime/redis/test_redis_py_internals.py`,
the reason in docs/adr/0004-packed-redis-commands.md. A flush of one EVALSHA with 50 arguments
costs 29 us of CPU, and 132 by redis-py's pipeline; of twenty, 207 and 1,384 (python -m bench
--only private_parts, 2026-11-27).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, cast

import hiredis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.typing import EncodableT

READ_BYTES = 2**16
_NOT_YET = object()


class ExchangingConnection(AbstractConnection):
    """A connection of redis-py that also exchanges several commands for their replies at once."""

    # Whether the server is what Sentinels call the master, which refuses no writes.
    is_masters = False
    _replies: hiredis.Reader

    async def exchange(self, commands: Sequence[tuple[EncodableT, ...]]) -> list[Any]:
        """Return the replies, errors among them, in the classes of `redis.exceptions`.

        Raises:
            redis.RedisError: A reply did not come within `socket_timeout`, or the connection is
                lost. It is closed, so that a late reply is not taken for another command's.
        """
        try:
            async with asyncio.timeout(self.socket_timeout):
                self._write(_packed(commands))
                return [await self._reply() for _ in commands]
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise RedisTimeoutError("redis has not answered in time") from None
        except OSError as error:
            await self.disconnect(nowait=True)
            raise RedisConnectionError(str(error)) from error
        except BaseException:
            await self.disconnect(nowait=True)
            raise

    async def is_ready(self) -> bool:
        """Return whether it is connected, as far as is known, and no unread reply lies there."""
        try:
            return self.is_connected and not await self.can_read()
        except RedisConnectionError:
            return False

    def pack_commands(self, commands: Iterable[Iterable[EncodableT]]) -> list[bytes]:
        """Return the commands as Redis reads them, packed by hiredis."""
        return [_packed(map(tuple, commands))]

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[safe-super, no-untyped-call]  # of the class that this is mixed with
        self._replies = hiredis.Reader(
            notEnoughData=_NOT_YET, replyError=cast("Any", self._parser.parse_error)
        )

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        try:
            await super()._send_packed_command(command)
        except RuntimeError as error:
            raise _reset(error) from error

    def _write(self, data: bytes) -> None:
        assert self._writer is not None, "is not connected"
        try:
            self._writer.write(data)
        except RuntimeError as error:
            raise _reset(error) from error

    async def _reply(self) -> Any:
        while (reply := self._replies.gets()) is _NOT_YET:
            assert self._reader is not None, "is not connected"
            data = await self._reader.read(READ_BYTES)
            if not data:
                raise RedisConnectionError("redis has closed the connection")
            self._replies.feed(data)
        if isinstance(reply, hiredis.PushNotification):
            return await self._reply()
        if isinstance(reply, RedisConnectionError):
            # The server is loading, for example, and has done nothing.
            raise reply
        if self.is_masters and isinstance(reply, ReadOnlyError):
            raise RedisConnectionError("the master has become a replica")
        return reply


class _BlockingMasterPool(SentinelConnectionPool, BlockingConnectionPool):
    """A pool of connections to a Sentinel's master in which a call waits for a free one."""

    async def aclose(self) -> None:
        """Close the connections, the Sentinels' too."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def server_pool(url: str, **options: Any) -> BlockingConnectionPool:
    """Return a pool of ExchangingConnections to the server at `url`.

    Args:
        url: A URL as `BlockingConnectionPool.from_url` takes it.
        options: Other arguments of the pool and its connections.
    """
    pool = BlockingConnectionPool.from_url(url, **options)
    pool.connection_class = _exchanging(pool.connection_class)
    return pool


def master_pool(
    name: str, sentinels: Sentinel, *, tls: bool, **options: Any
) -> BlockingConnectionPool:
    """Return a pool of ExchangingConnections to the server that Sentinels call `name`.

    Args:
        name: The name of the master.
        sentinels: The Sentinels.
        tls: Whether the master speaks TLS.
        options: Arguments of the pool and its connections.
    """
    kind = SentinelManagedSSLConnection if tls else SentinelManagedConnection
    return _BlockingMasterPool(  # type: ignore[no-untyped-call]  # redis-py's
        name, sentinels, connection_class=_exchanging(kind, is_masters=True), **options
    )


@cache
def url_parameters() -> frozenset[str]:
    """Return the names of the parameters that a URL of a server may have after its `?`."""
    names = {"path", "username", "password", "db"}
    for kind in (*SSLConnection.__mro__, BlockingConnectionPool):
        names.update(inspect.signature(vars(kind)["__init__"]).parameters)
    return frozenset(names - {"self", "kwargs", "args"})


def _exchanging(
    kind: type[AbstractConnection], *, is_masters: bool = False
) -> type[AbstractConnection]:
    return type(kind.__name__, (ExchangingConnection, kind), {"is_masters": is_masters})


def _packed(commands: Iterable[tuple[EncodableT, ...]]) -> bytes:
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub says one argument


def _reset(error: RuntimeError) -> ConnectionResetError:
    """Return the error of the system for uvloop's, of a connection that was reset unnoticed."""
    return ConnectionResetError(str(error))
