"""Start a stream: create its reader, or wait until that is possible.

A browser's EventSource reconnects after a stream has ended, but never after an error. So if an
error may pass, the stream opens nevertheless, sends the reason of the wait, and continues when the
error has passed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from time import monotonic
from typing import Generic, NamedTuple, Protocol, TypeVar

from api.delivery.book_opener import BookOpener
from api.delivery.channel_opener import ChannelOpener
from api.delivery.cursor import Cursor
from api.delivery.openers import AdmitRead, admit_any_read
from api.delivery.stream import ChangeSource, EventReader, farewell
from api.follow.api_events import status_sse
from api.follow.event_log import Waker, Write
from api.follow.join_points import JoinPoints
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.store.directory import Directory
from api.store.errors import ApiError, RedisAway
from api.store.stream_reads import StreamReads
from api.views.channel_registry import ChannelRegistry, Choice
from api.views.view import View
from kraken_book.event import Status
from kraken_book.selection import Selection
from kraken_book.symbols import is_symbol, normalize_symbol

# Random, so that thousands of waiting streams do not retry at once.
RETRY_SECONDS = (0.5, 1.5)
# Seconds. After this time the client should reconnect, possibly to a replica without the error.
MAX_WAIT_SECONDS = 5.0


class OpenReader(EventReader, Protocol):
    """The reader of a stream that has started."""

    def close(self) -> None:
        """Release what the reader follows."""


class WaitableRequest(Protocol):
    """A request for a stream that may wait for its start."""

    @property
    def label(self) -> str:
        """Return the symbol of the stream in logs."""

    @property
    def announced(self) -> tuple[str, ...]:
        """Return the symbols that get a status while the stream waits."""

    @property
    def has_valid_names(self) -> bool:
        """Return whether each name has the form of a symbol."""


RequestT = TypeVar("RequestT", bound=WaitableRequest)
RequestT_contra = TypeVar("RequestT_contra", bound=WaitableRequest, contravariant=True)


class Starter(Protocol[RequestT_contra]):
    """Starts the streams of one kind of request."""

    async def start(self, request: RequestT_contra) -> tuple[OpenReader, bytes]:
        """Return a reader and its first data; the caller closes it. Raise ApiError."""


class StreamRequest(NamedTuple):
    """A request for a stream of events, before its symbols are looked up."""

    names: tuple[str, ...] | None
    """The names of the symbols as the client wrote them, None for all symbols.

    If there are wildcards, they may be empty.
    """
    view: View | None
    is_many: bool
    event_id: str | None
    """The event to resume after."""
    visible: Selection | None = None
    """The symbols that the caller may see; None for all."""
    admit_read: AdmitRead = admit_any_read
    """Called before a resuming reader reads from Redis; raises ApiError to refuse that."""
    wildcards: Selection | None = None
    """The wildcards beside the names, without names."""

    @property
    def has_valid_names(self) -> bool:
        """Return whether each name has the form of a symbol."""
        return all(is_symbol(symbol) for symbol in self.symbols)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the names in the venue's spelling, as far as it is known without the list."""
        return tuple(dict.fromkeys(map(normalize_symbol, self.names or ())))

    @property
    def announced(self) -> tuple[str, ...]:
        """Return the symbols that get a status while the stream waits."""
        return self.symbols

    @property
    def label(self) -> str:
        """Return the names, `*` for all symbols."""
        return ",".join(self.names or ("*",))


class StreamStarter:
    """Creates and opens the cursors of streams."""

    def __init__(
        self,
        directory: Directory,
        registry: RingRegistry,
        feed: RingFeed,
        joins: JoinPoints,
        reads: StreamReads,
        channels: ChannelRegistry,
    ) -> None:
        self._directory = directory
        self._registry = registry
        self._feed = feed
        self._joins = joins
        self._reads = reads
        self._channels = channels

    async def resolve(self, request: StreamRequest) -> Choice:
        """Return the symbols and the view of a request; raise ApiError for an unknown symbol."""
        if request.names is None:
            return Choice(None, request.view, request.is_many, request.visible)
        symbols = {await self._directory.resolve(name, request.visible) for name in request.names}
        names = tuple(sorted(symbols))
        if request.wildcards is None:
            return Choice(names, request.view, request.is_many)
        wanted = request.wildcards._replace(names=names)
        return Choice(None, request.view, request.is_many, request.visible, wanted)

    async def start(self, request: StreamRequest) -> tuple[Cursor, bytes]:
        """Return an open cursor and its first data; the caller closes it. Raise ApiError."""
        choice = await self.resolve(request)
        cursor = await self._cursor(choice)
        event_id = request.event_id
        try:
            if event_id:
                opening = await cursor.resume(event_id, request.admit_read)
            else:
                opening = await cursor.open()
        except BaseException:
            cursor.close()
            raise
        if choice.symbols is None and not self._channels.has_symbols(choice):
            # Without a symbol there is no status event that could contain the reason.
            opening += waiting_comment("no-symbols")
        named = choice.wanted.names if choice.wanted else choice.symbols or ()
        return cursor, opening + self._refusals(named)

    def book_cursor(self, symbol: str) -> Cursor:
        """Return a cursor for the events of one book."""
        opener = BookOpener(symbol, self._registry, self._feed, self._joins, self._reads)
        return Cursor(opener.log, opener)

    async def channel_cursor(self, choice: Choice) -> Cursor:
        """Return a cursor for many books or a view; raise ApiError if it is impossible."""
        channel = await self._channels.join(choice)
        return Cursor(channel.log, ChannelOpener(self._channels, choice, channel, self._reads))

    async def _cursor(self, choice: Choice) -> Cursor:
        if choice.symbols is not None and choice.view is None and not choice.is_many:
            return self.book_cursor(choice.symbols[0])
        return await self.channel_cursor(choice)

    def _refusals(self, symbols: Iterable[str]) -> bytes:
        """Return a status with the venue's reason for each symbol that it refuses."""
        states = self._directory.last_states()
        refused = [
            symbol for symbol in symbols if symbol in states and states[symbol].status == "refused"
        ]
        return b"".join([status_sse(each, "syncing", states[each].reason) for each in refused])


def may_wait_for(error: ApiError, request: WaitableRequest) -> bool:
    """Return whether a stream opens and waits although `error` prevents its start."""
    return error.is_passing and request.has_valid_names


class StartedStream:
    """A reader and the first data of its stream."""

    def __init__(self, reader: OpenReader, opening: bytes) -> None:
        self.reader = reader
        self._opening = opening

    def take_opening(self) -> bytes:
        """Return the first data and drop it here, so that it is freed when it is sent."""
        opening, self._opening = self._opening, b""
        return opening


async def start_or_wait(starter: Starter[RequestT], request: RequestT) -> StartedStream:
    """Start a stream, or let it wait if its error may pass; raise ApiError if it may not."""
    try:
        return StartedStream(*await starter.start(request))
    except ApiError as error:
        if not may_wait_for(error, request):
            raise
        waiting = WaitingReader(starter, request)
        return StartedStream(waiting, waiting.wait_for(error))


class WaitingReader(Generic[RequestT]):
    """Waits until the reader of a request can be opened, then reads from it.

    After `patience` seconds it sends the farewell, and then `next` raises the ApiError to end the
    stream. Until then it also waits for an unknown symbol, because the collectors of several shards
    write their symbols one after the other.

    Args:
        starter: Starts the reader.
        request: The request.
        patience: Seconds to wait.
    """

    def __init__(
        self, starter: Starter[RequestT], request: RequestT, patience: float = MAX_WAIT_SECONDS
    ) -> None:
        self._starter = starter
        self._request = request
        self._until = monotonic() + patience
        self._reader: OpenReader | None = None
        self._pause = _Pause(request.label)
        self._sent_reason: str | None = None
        self._error: ApiError | None = None

    @property
    def log(self) -> ChangeSource:
        """Return the reader's log, or a timer while there is no reader."""
        return self._pause if self._reader is None else self._reader.log

    def wait_for(self, error: ApiError) -> bytes:
        """Return the comment and the statuses for `error`; empty if they were sent already."""
        reason = "redis" if isinstance(error, RedisAway) else error.code
        if reason == self._sent_reason:
            return b""
        self._sent_reason = reason
        return waiting_comment(reason) + self._statuses("syncing", reason)

    async def next(self) -> bytes:
        """Return the next data; raise ApiError, redis.RedisError or OSError."""
        if self._reader is not None:
            return await self._reader.next()
        if self._error is not None:
            raise self._error
        try:
            self._reader, opening = await self._starter.start(self._request)
        except ApiError as error:
            if monotonic() < self._until:
                return self.wait_for(error)
            self._error = error
            return farewell()
        # `live` ends the statuses of the wait; the opening has the actual statuses.
        return self._statuses("live", None) + opening

    def ready(self) -> Write | None:
        """Return the next events in memory, possibly none; None if `next` is needed."""
        return None if self._reader is None else self._reader.ready()

    def close(self) -> None:
        """Close the reader if there is one."""
        if self._reader is not None:
            self._reader.close()

    def _statuses(self, status: Status, reason: str | None) -> bytes:
        return b"".join([status_sse(each, status, reason) for each in self._request.announced])


def waiting_comment(reason: str) -> bytes:
    """Return the SSE comment with the reason of a wait."""
    return b": waiting: %b\n\n" % reason.encode()


class _Pause:
    """A timer in place of a log: calls each waker once, after a random time."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.changed_at = monotonic()
        self._timers: dict[Waker, asyncio.TimerHandle] = {}

    def on_change(self, waker: Waker) -> None:
        """Call `waker` once, after a random time within `RETRY_SECONDS`."""
        self.forget(waker)
        loop = asyncio.get_running_loop()
        self._timers[waker] = loop.call_later(random.uniform(*RETRY_SECONDS), self._end, waker)

    def forget(self, waker: Waker) -> None:
        """Remove `waker`, so that it is not called."""
        timer = self._timers.pop(waker, None)
        if timer is not None:
            timer.cancel()

    def _end(self, waker: Waker) -> None:
        self.changed_at = monotonic()
        waker()
