"""The only module that uses undocumented parts of redis-py.

redis-py connects, authenticates, speaks TLS and asks Sentinels. For each call it also records
OpenTelemetry metrics, takes a lock and a condition of its pool, sets one timeout for the write and
one for each reply, and packs the command in Python. `ExchangingConnection` sends several commands
in one write, packed by hiredis, and collects all replies (`replies`) under one timeout.

Names used:

- `AbstractConnection`: `_connect`, `_send_packed_command`, `_writer` and `_parser.parse_error`.
  `_writer` is an asyncio stream after `_connect`, and None after `disconnect`. Its transport's
  protocol can be replaced. redis-py reads the replies of the handshake and of its own calls;
  afterwards its parser's buffer is empty.
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

from runtime.redis.replies import Replies


class ExchangingConnection(AbstractConnection):
    """A connection of redis-py that also sends several commands in one round trip.

    Attributes:
        is_to_master: Whether Sentinels named the server as a master, which accepts writes.
    """

    is_to_master = False
    _replies: Replies
    _transport: asyncio.WriteTransport

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
            collected = self._replies.collect(len(commands), self.socket_timeout)
            self._write(_packed(commands))
            return await collected
        except TimeoutError:
            await self._give_up()
            raise RedisTimeoutError("redis has not answered in time") from None
        except OSError as error:
            await self._give_up()
            raise RedisConnectionError(str(error)) from error
        except BaseException:
            await self._give_up()
            raise

    @property
    def is_unused(self) -> bool:
        """Whether it is open, and nothing has arrived since its last exchange."""
        return self._writer is not None and self._replies.is_clean

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
        assert self._writer is not None, "is not connected"
        self._transport = self._writer.transport
        self._replies = Replies(
            cast("asyncio.Protocol", self._transport.get_protocol()),
            self._parser.parse_error,
            _raise_fatal_of_master if self.is_to_master else _raise_fatal,
        )
        self._transport.set_protocol(self._replies)

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        try:
            await super()._send_packed_command(command)
        except RuntimeError as error:
            raise _reset(error) from error

    def _write(self, data: bytes) -> None:
        try:
            self._transport.write(data)
        except RuntimeError as error:
            raise _reset(error) from error

    async def _give_up(self) -> None:
        """Close the connection, and expect no more replies."""
        self._replies.abandon()
        await self.disconnect(nowait=True)


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


def _raise_fatal(error: Exception) -> None:
    """Raise an error that concerns the connection, not a command.

    For example, the server is loading its data and has executed nothing.
    """
    if isinstance(error, RedisConnectionError):
        raise error


def _raise_fatal_of_master(error: Exception) -> None:
    """Raise errors as `_raise_fatal` does, and for a server that does not accept writes."""
    _raise_fatal(error)
    if isinstance(error, ReadOnlyError):
        raise RedisConnectionError("the master has become a replica")


def _reset(error: RuntimeError) -> ConnectionResetError:
    """Return the system's error for uvloop's RuntimeError about a closed transport."""
    return ConnectionResetError(str(error))
