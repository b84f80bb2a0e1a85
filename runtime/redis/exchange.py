"""The client of one server: redis-py's client with a faster way to send several commands.

An exchange is a round trip here: commands are sent and their replies are read. It is not a venue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
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
        self._max_kept = int(self.connection_pool.max_connections) // KEPT_DIVISOR
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

        Raises:
            redis.exceptions.ConnectionError: The connection was lost as often as permitted.
        """
        retry = self.get_retry()
        left = 0 if retry is None else retry.get_retries()
        while True:
            try:
                return await self._exchange(commands)
            except RedisConnectionError:
                # The pool replaces the lost connection.
                if not left:
                    raise
                left -= 1

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection."""
        while self._kept:
            await self.connection_pool.release(self._kept.pop())
        await super().aclose(close_connection_pool)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        kept = self._kept
        connection = kept.pop() if kept else None
        if connection is None or not connection.is_unused:
            connection = await self._acquire_connection(connection)
        try:
            replies = await connection.exchange(commands)
        except BaseException:
            # `exchange` has closed the connection, so no late reply is left in it.
            await self.connection_pool.release(connection)
            raise
        if len(kept) < self._max_kept:
            kept.append(connection)
        else:
            await self.connection_pool.release(connection)
        converters = self._converters
        for index, command in enumerate(commands):
            name = command[0]
            converter = converters[name] if name in converters else self._converter(name)
            if converter is not None and not isinstance(replies[index], Exception):
                replies[index] = converter(replies[index])
        return replies

    def _converter(self, name: EncodableT) -> Callable[[Any], Any] | None:
        """Return redis-py's converter of replies to the command `name`."""
        converter = self._converters[name] = self.response_callbacks.get(cast("str", name))
        return converter

    async def _acquire_connection(self, found: ExchangingConnection | None) -> ExchangingConnection:
        """Return `found` or another kept connection if one is ready, else one of the pool."""
        while found is not None:
            if await found.is_ready():
                return found
            # The pool connects it again before its next use.
            await self.connection_pool.release(found)
            found = self._kept.pop() if self._kept else None
        acquired = await self.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
        return cast("ExchangingConnection", acquired)
