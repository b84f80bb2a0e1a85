"""Commands to one server and their replies: one write, and as few reads as they come in.

redis-py connects, signs in and speaks TLS. But what it does around each call, most of it for
figures that nobody asks for, costs several times the round trip itself: measured on one machine
300 us of CPU a call, and 100 so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.typing import EncodableT

Command = tuple[EncodableT, ...]

READ_BYTES = 2**16
# This part of a pool may lie ready outside it: the others are for who asks redis-py.
KEPT_SHARE = 8
_NOT_YET = object()


class ExchangingConnection(AbstractConnection):
    """A connection of redis-py's that takes several commands at once, and packs them in C."""

    # Whose server is what Sentinels call the master: one that refuses writes is it no more.
    is_masters = False
    _replies: hiredis.Reader

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, errors among them, in the classes of `redis.exceptions`.

        Raises redis.RedisError where one did not come in `socket_timeout`; the connection is closed
        then, since what comes late would be taken for another's.
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
        """Whether it is connected, as far as is known, and nobody's reply lies there."""
        try:
            return self.is_connected and not await self.can_read()
        except RedisConnectionError:
            return False

    def pack_commands(self, commands: Iterable[Iterable[EncodableT]]) -> list[bytes]:
        """The commands as Redis reads them; redis-py's asynchronous client does it in Python."""
        return [_packed(map(tuple, commands))]

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[safe-super, no-untyped-call]  # of the kind that this is mixed with
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
            # It is loading, say, and has done nothing.
            raise reply
        if self.is_masters and isinstance(reply, ReadOnlyError):
            raise RedisConnectionError("the master has become a replica")
        return reply


class RedisNode(Redis):
    """redis-py's client of one server, with `exchange` for what is asked all the time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # To take one from the pool and bring it back costs as much as the round trip.
        self._kept: list[ExchangingConnection] = []
        # Found here in a tenth of the time.
        self._forms: dict[EncodableT, Callable[[Any], Any] | None] = {}

    @property
    def address(self) -> str:
        """Return the server's host:port or socket path, for people; empty if not known."""
        options = self.connection_pool.connection_kwargs
        if "path" in options:
            return str(options["path"])
        if "host" in options:
            return f"{options['host']}:{options.get('port', 6379)}"
        return str(getattr(self.connection_pool, "service_name", ""))

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands in one round trip, errors among them, as redis-py gives them.

        Raises redis.RedisError or OSError where it is not known which were carried out. What failed
        is tried again as the client's `retry` says.
        """
        retry = self.get_retry()
        if retry is None or not retry.get_retries():
            return await self._exchange(commands)
        return await retry.call_with_retry(lambda: self._exchange(commands), _only_again)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection."""
        while self._kept:
            await self.connection_pool.release(self._kept.pop())
        await super().aclose(close_connection_pool)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = await self._take()
        try:
            replies = await connection.exchange(commands)
        finally:
            await self._give_back(connection)
        for index, command in enumerate(commands):
            form = self._form(command[0])
            if form is not None and not isinstance(replies[index], Exception):
                replies[index] = form(replies[index])
        return replies

    def _form(self, name: EncodableT) -> Callable[[Any], Any] | None:
        """What redis-py makes of the replies to these commands."""
        if name not in self._forms:
            self._forms[name] = self.response_callbacks.get(cast("str", name))
        return self._forms[name]

    async def _take(self) -> ExchangingConnection:
        while self._kept:
            connection = self._kept.pop()
            if await connection.is_ready():
                return connection
            await self.connection_pool.release(connection)
        taken = await self.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
        return cast("ExchangingConnection", taken)

    async def _give_back(self, connection: ExchangingConnection) -> None:
        if connection.is_connected and len(self._kept) < self._most_kept:
            self._kept.append(connection)
        else:
            await self.connection_pool.release(connection)

    @property
    def _most_kept(self) -> int:
        return int(self.connection_pool.max_connections) // KEPT_SHARE


async def _only_again(_error: Exception) -> None:
    """Nothing is to be mended before a call is tried again."""


def _packed(commands: Iterable[Command]) -> bytes:
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub says one argument


def _reset(error: RuntimeError) -> ConnectionResetError:
    """Uvloop's word for a connection that was reset while nobody read from it."""
    return ConnectionResetError(str(error))
