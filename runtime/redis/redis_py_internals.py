"""The only module that uses undocumented parts of redis-py.

redis-py connects, authenticates, speaks TLS and asks Sentinels. For each call it also records
OpenTelemetry metrics, takes a lock and a condition of its pool, sets one timeout for the write and
one for each reply, and packs the command in Python. `ExchangingConnection` sends several commands
in one write, packed by hiredis, and reads all replies under one timeout.

Names used:

- `AbstractConnection`: `_connect`, `_send_packed_command`, `_writer`, `_reader` and
  `_parser.parse_error`. `_writer` and `_reader` are asyncio streams after `_connect`, and None
  after `disconnect`. redis-py reads the replies of the handshake; afterwards its parser's buffer
  is empty.
- `ConnectionPool.connection_class`, which is replaced after `from_url` has chosen it.
- `SentinelConnectionPool` combined with `BlockingConnectionPool`: both pass unknown arguments to
  `super().__init__`, and the attribute `sentinel_manager` is the argument of that name.
- The names of the parameters of the connections' and the pool's `__init__`, which a URL may set.

Checked with redis 8.1 (8.0 fails). `tests/runtime/redis/test_redis_py_internals.py` guards these
names, and docs/adr/0004-packed-redis-commands.md gives the reason. A flush of one EVALSHA with 50
arguments costs 29 us of CPU, against 132 us by redis-py's pipeline; a flush of twenty costs 207 us
against 1,384 us (python -m bench --only private_parts, 2026-11-27).
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
    """A connection of redis-py that also sends several commands in one round trip.

    Attributes:
        is_to_master: Whether Sentinels named the server as a master, which accepts writes.
    """

    is_to_master = False
    _replies: hiredis.Reader

    async def exchange(self, commands: Sequence[tuple[EncodableT, ...]]) -> list[Any]:
        """Return the replies to commands, errors among them as classes of `redis.exceptions`.

        If it raises, the connection is closed, so that a late reply is not taken for that of
        another command.

        Raises:
            redis.exceptions.TimeoutError: Not all replies came within `socket_timeout`.
            redis.exceptions.ConnectionError: The connection is lost, or the server has become a
                replica or is still loading its data.
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
        """Return whether the connection is open and has no unread reply."""
        try:
            return self.is_connected and not await self.can_read()
        except RedisConnectionError:
            return False

    def pack_commands(self, commands: Iterable[Iterable[EncodableT]]) -> list[bytes]:
        """Return the commands in Redis's protocol, packed by hiredis."""
        return [_packed(map(tuple, commands))]

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[safe-super, no-untyped-call]  # of the mixed-in class
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
            # For example, the server is loading its data and has executed nothing.
            raise reply
        if self.is_to_master and isinstance(reply, ReadOnlyError):
            raise RedisConnectionError("the master has become a replica")
        return reply


class _BlockingMasterPool(SentinelConnectionPool, BlockingConnectionPool):
    """A pool of connections to a master that Sentinels name; a call waits for a free one."""

    async def aclose(self) -> None:
        """Close the connections to the master and to the Sentinels."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def server_pool(url: str, **options: Any) -> BlockingConnectionPool:
    """Return a pool of ExchangingConnections to the server at `url`.

    Args:
        url: A URL that `BlockingConnectionPool.from_url` accepts.
        options: Other arguments of the pool and its connections.
    """
    pool = BlockingConnectionPool.from_url(url, **options)
    pool.connection_class = _exchanging(pool.connection_class)
    return pool


def master_pool(
    name: str, sentinels: Sentinel, *, tls: bool, **options: Any
) -> BlockingConnectionPool:
    """Return a pool of ExchangingConnections to the master that Sentinels know as `name`.

    Args:
        name: The name of the master.
        sentinels: The client of the Sentinels.
        tls: Whether the master speaks TLS.
        options: Arguments of the pool and its connections.
    """
    kind = SentinelManagedSSLConnection if tls else SentinelManagedConnection
    return _BlockingMasterPool(  # type: ignore[no-untyped-call]  # redis-py's
        name, sentinels, connection_class=_exchanging(kind, is_to_master=True), **options
    )


@cache
def url_parameters() -> frozenset[str]:
    """Return the names of the parameters that a server's URL may have after `?`."""
    names = {"path", "username", "password", "db"}
    for kind in (*SSLConnection.__mro__, BlockingConnectionPool):
        names.update(inspect.signature(vars(kind)["__init__"]).parameters)
    return frozenset(names - {"self", "kwargs", "args"})


def _exchanging(
    kind: type[AbstractConnection], *, is_to_master: bool = False
) -> type[AbstractConnection]:
    return type(kind.__name__, (ExchangingConnection, kind), {"is_to_master": is_to_master})


def _packed(commands: Iterable[tuple[EncodableT, ...]]) -> bytes:
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub has one argument


def _reset(error: RuntimeError) -> ConnectionResetError:
    """Return the system's error for uvloop's RuntimeError about a closed transport."""
    return ConnectionResetError(str(error))
