"""The client of one server: redis-py's client with a faster way to send several commands.

An exchange is a round trip here: commands are sent and their replies are read. It is not a venue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.typing import EncodableT

from runtime.redis.redis_py_internals import ExchangingConnection

Command = tuple[EncodableT, ...]

# At most an eighth of all connections is kept outside the pool. redis-py's own calls need the rest.
KEPT_DIVISOR = 8


class RedisNode(Redis):
    """redis-py's client of one server, with `exchange` for frequent commands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Idle connections. The pool is slow: see docs/adr/0004-packed-redis-commands.md.
        self._kept: list[ExchangingConnection] = []
        # redis-py's converters of replies, by command. Its own mapping ignores case, so it is slow.
        self._converters: dict[EncodableT, Callable[[Any], Any] | None] = {}

    @property
    def address(self) -> str:
        """Return the server's host:port, socket path or Sentinel name; empty if unknown."""
        options = self.connection_pool.connection_kwargs
        if "path" in options:
            return str(options["path"])
        if "host" in options:
            return f"{options['host']}:{options.get('port', 6379)}"
        return str(getattr(self.connection_pool, "service_name", ""))

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands that are sent in one round trip.

        Replies have redis-py's types, and errors of the server are among them. If the connection is
        lost, all commands are sent again as often as the client's `retry` permits, so they may be
        executed twice. If redis.RedisError or OSError is raised, it is unknown which commands were
        executed.
        """
        retry = self.get_retry()
        if retry is None or not retry.get_retries():
            return await self._exchange(commands)
        return await retry.call_with_retry(lambda: self._exchange(commands), _ignore)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection."""
        while self._kept:
            await self.connection_pool.release(self._kept.pop())
        await super().aclose(close_connection_pool)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = await self._acquire_connection()
        try:
            replies = await connection.exchange(commands)
        finally:
            # If `exchange` raises, it has closed the connection, so no late reply is left in it.
            await self._give_back(connection)
        for index, command in enumerate(commands):
            converter = self._converter(command[0])
            if converter is not None and not isinstance(replies[index], Exception):
                replies[index] = converter(replies[index])
        return replies

    def _converter(self, name: EncodableT) -> Callable[[Any], Any] | None:
        """Return redis-py's converter of replies to the command `name`."""
        if name not in self._converters:
            self._converters[name] = self.response_callbacks.get(cast("str", name))
        return self._converters[name]

    async def _acquire_connection(self) -> ExchangingConnection:
        while self._kept:
            connection = self._kept.pop()
            if await connection.is_ready():
                return connection
            # The pool connects it again before its next use.
            await self.connection_pool.release(connection)
        acquired = await self.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
        return cast("ExchangingConnection", acquired)

    async def _give_back(self, connection: ExchangingConnection) -> None:
        if connection.is_connected and len(self._kept) < self._max_kept:
            self._kept.append(connection)
        else:
            await self.connection_pool.release(connection)

    @property
    def _max_kept(self) -> int:
        return int(self.connection_pool.max_connections) // KEPT_DIVISOR


async def _ignore(_error: Exception) -> None:
    """Do nothing between two attempts; the pool replaces the lost connection."""
