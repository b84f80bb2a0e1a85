"""Begin a stream: make its reader, or wait until there can be one.

A browser's EventSource comes back after a stream, and never after an error. So what passes by
itself is no error here: the stream opens, says what it waits for, and goes on when that is over.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from time import monotonic

from api.delivery.channel_reader import ChannelReader
from api.delivery.reader import Reader
from api.delivery.stream import Log, farewell
from api.follow.api_events import status_frame
from api.follow.tail import Tail
from api.http.parameters import Asked
from api.http.problems import Problem
from api.store.directory import Directory
from api.views.channel_registry import ChannelRegistry, Choice
from kraken_book.event import Status

AnyReader = Reader | ChannelReader

# So that thousands who wait do not ask as one.
RETRY_SECONDS = (0.5, 1.5)
# Another replica may do better: a client that comes back may find it.
PATIENCE = 5.0


class StreamBeginning:
    """Makes the reader of what one request asks for."""

    def __init__(
        self, directory: Directory, tail: Tail, channels: ChannelRegistry, asked: Asked
    ) -> None:
        self._directory = directory
        self._tail = tail
        self._channels = channels
        self.asked = asked

    async def begin(self) -> tuple[AnyReader, bytes]:
        """Return a reader that stands where it is to begin, and what it is to send first.

        Raises Problem. Who does not raise is to be closed.
        """
        choice = await self.asked.choice(self._directory)
        reader = await self._reader(choice)
        event_id = self.asked.event_id
        try:
            opening = await (reader.resume(event_id) if event_id else reader.open())
        except BaseException:
            reader.close()
            raise
        if choice.symbols is None and not self._channels.has_symbols:
            # No book is there whose status would say it.
            opening += waiting_comment("no-symbols")
        return reader, opening + self._refusals(choice.symbols or ())

    def _refusals(self, symbols: Iterable[str]) -> bytes:
        """Return what Kraken said of those symbols that it does not serve."""
        states = self._directory.last_states()
        refused = [
            symbol for symbol in symbols if symbol in states and states[symbol].status == "refused"
        ]
        return b"".join([status_frame(each, "syncing", states[each].reason) for each in refused])

    async def _reader(self, choice: Choice) -> AnyReader:
        if choice.symbols is not None and choice.view is None and not choice.is_many:
            return Reader(self._tail, choice.symbols[0])
        channel = await self._channels.join(choice)
        return ChannelReader(self._channels, self._tail, choice, channel)

    def may_wait_for(self, problem: Problem) -> bool:
        """Return whether a stream opens although it cannot begin now, for `problem`."""
        return problem.status == 503 and self.asked.may_be_symbols


class WaitingReader:
    """Tells the client what it waits for, then is the reader of what was asked for.

    After `patience` seconds it tells the client to come back, and `next` raises the Problem: the
    stream is to end. Until then an unknown symbol is waited for too, since the collectors of
    several shards tell of their symbols one after the other.
    """

    def __init__(self, beginning: StreamBeginning, patience: float = PATIENCE) -> None:
        self._beginning = beginning
        self._until = monotonic() + patience
        self._reader: AnyReader | None = None
        self._pause = _Pause(",".join(beginning.asked.names or ("*",)))
        self._told: str | None = None
        self._problem: Problem | None = None

    @property
    def ring(self) -> Log:
        """Tells when there may be more."""
        return self._pause if self._reader is None else self._reader.ring

    def wait_for(self, problem: Problem) -> bytes:
        """Return the frames that tell the client of `problem`; empty if it knows already."""
        reason = "redis" if problem.name.startswith("redis") else problem.name
        if reason == self._told:
            return b""
        self._told = reason
        return waiting_comment(reason) + self._statuses("syncing", reason)

    async def next(self) -> bytes:
        """Return what is to be sent; raises Problem, redis.RedisError or OSError."""
        if self._reader is not None:
            return await self._reader.next()
        if self._problem is not None:
            raise self._problem
        try:
            self._reader, opening = await self._beginning.begin()
        except Problem as problem:
            if monotonic() < self._until:
                return self.wait_for(problem)
            self._problem = problem
            return farewell()
        # What this said is over; the opening has what else there is to say of each book.
        return self._statuses("live", None) + opening

    def ready(self) -> bytes | None:
        """Return what is in memory to be sent; None if only `next` can tell."""
        return None if self._reader is None else self._reader.ready()

    def close(self) -> None:
        """End the wait, or the reader."""
        if self._reader is not None:
            self._reader.close()

    def _statuses(self, status: Status, reason: str | None) -> bytes:
        symbols = self._beginning.asked.symbols
        return b"".join([status_frame(symbol, status, reason) for symbol in symbols])


def waiting_comment(reason: str) -> bytes:
    """Return the comment that says what a stream waits for."""
    return b": waiting: %b\n\n" % reason.encode()


class _Pause:
    """Stands for a log of events while there is none: there may be more in a moment."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}

    def on_change(self, waker: Callable[[], None]) -> None:
        """Call `waker` once, in a moment."""
        self.forget(waker)
        loop = asyncio.get_running_loop()
        self._timers[waker] = loop.call_later(random.uniform(*RETRY_SECONDS), waker)

    def forget(self, waker: Callable[[], None]) -> None:
        """Do not call `waker`."""
        timer = self._timers.pop(waker, None)
        if timer is not None:
            timer.cancel()
