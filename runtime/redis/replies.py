"""Collect the replies to commands directly from a connection's transport.

asyncio's streams copy each read into a buffer and wake a task, which copies it out again and parses
it. `Replies` parses in the transport's callback, and wakes the task once, when all replies are
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.deadline import Deadline

_NOT_YET = object()
_SPECIAL = (Exception, hiredis.PushNotification)


class Replies(asyncio.Protocol):
    """A transport's protocol that collects replies, and else passes everything to `inner`.

    Args:
        inner: The protocol that gets the bytes which belong to no collected reply.
        parse_error: Returns the exception for an error's message.
        raise_fatal: Raises the exception for an error that makes all replies useless; returns for
            any other error.

    Attributes:
        is_clean: Whether nothing has arrived since the last collected reply.
    """

    def __init__(
        self,
        inner: asyncio.Protocol,
        parse_error: Callable[[str], Exception],
        raise_fatal: Callable[[Exception], None],
    ) -> None:
        self.is_clean = False
        self._inner = inner
        self._raise_fatal = raise_fatal
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET, replyError=cast("Any", parse_error))
        self._loop = asyncio.get_running_loop()
        self._deadline = Deadline(self._expire)
        self._is_lost = False
        self._waiter: asyncio.Future[list[Any]] | None = None
        self._replies: list[Any] = []
        self._count = 0

    def collect(self, count: int, timeout: float | None) -> asyncio.Future[list[Any]]:
        """Return a future of the next `count` replies; await it or call `abandon`.

        Its exception is a TimeoutError after `timeout` seconds, a redis.ConnectionError if the
        connection is lost, or the one that `raise_fatal` raised.
        """
        waiter: asyncio.Future[list[Any]] = self._loop.create_future()
        if self._is_lost:
            waiter.set_exception(RedisConnectionError("redis has closed the connection"))
            return waiter
        self._waiter, self._count, self._replies = waiter, count, []
        if not count:
            self._take_replies()
        elif timeout is not None:
            self._deadline.set(timeout)
        return waiter

    def abandon(self) -> None:
        """Collect no more replies, because the caller gives up this connection."""
        self._deadline.close()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse replies; when all are there, wake the caller."""
        waiter = self._waiter
        if waiter is None:
            self.is_clean = False
            self._inner.data_received(data)
            return
        try:
            self._reader.feed(data)
            self._take_replies()
        except Exception as error:  # noqa: BLE001 - the caller gets it, and closes the connection
            self._fail(error)

    def eof_received(self) -> bool | None:
        """Fail the collection, because the server has closed the connection."""
        self._lose(None)
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the collection."""
        self._lose(exc)
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass this on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass this on."""
        self._inner.resume_writing()

    def _take_replies(self) -> None:
        replies, count, next_reply = self._replies, self._count, self._reader.gets
        while len(replies) < count:
            reply = next_reply()
            if reply is _NOT_YET:
                return
            if isinstance(reply, _SPECIAL):
                if not isinstance(reply, Exception):
                    # A message that no command has requested.
                    continue
                self._raise_fatal(reply)
            replies.append(reply)
        self.is_clean = not self._reader.has_data()
        self._deadline.clear()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(replies)

    def _expire(self) -> None:
        self._fail(TimeoutError())

    def _lose(self, exc: Exception | None) -> None:
        self.is_clean, self._is_lost = False, True
        self._fail(exc or RedisConnectionError("redis has closed the connection"))
        self._deadline.close()

    def _fail(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
