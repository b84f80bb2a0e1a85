"""Read the best prices of a pair at an interval, once for all readers with the same choice.

A feed polls Redis, although the rings know when a book changes. To follow a ring takes as much CPU
as ten reads a second (docs/http.md has the figures), and only a read finds that Redis is away.

A feed keeps only its newest event. A slow reader gets fewer events, and needs no memory for them.
"""

from __future__ import annotations

import asyncio
from time import monotonic, thread_time
from typing import NamedTuple

from msgspec.structs import replace

from api.follow.buffer import Buffer
from api.follow.event_log import EventLog, SseEvent, Write, render_unnumbered_sse
from api.http.answers import BestAnswer
from api.http.best import BestRoute
from api.http.json_text import encode_json
from api.store.errors import ApiError
from api.store.metrics import EVENTS_OUT
from api.views.view_pace import FIRST_SECONDS, ViewPace, estimate_seconds
from kraken_book.position import NOWHERE
from kraken_book.selection import Selection
from kraken_book.symbols import is_symbol, normalize_symbol

# Part of the process's time that all feeds together may take.
MAX_BUSY = 0.25
# Seconds after which a venue that begins to have the pair is found.
SYMBOLS_INTERVAL = 1.0

_events_out = EVENTS_OUT.total


class BestChoice(NamedTuple):
    """A reader's choice: the pair and the interval."""

    symbol: str
    """A symbol of the pair. A pair alone may also be an old name of another one at Kraken."""
    interval: float
    """Least seconds between two events."""
    visible: Selection | None
    """The symbols that the reader may see; None for all."""

    @property
    def label(self) -> str:
        """Return the symbol of the stream in logs."""
        return self.symbol

    @property
    def announced(self) -> tuple[str, ...]:
        """Return no symbol: every event of the stream is an answer, so a wait has no statuses."""
        return ()

    @property
    def has_valid_names(self) -> bool:
        """Return whether the pair has the form of a symbol."""
        return is_symbol(normalize_symbol(self.symbol))


class NewestLog(EventLog):
    """A log that keeps only its newest event."""

    def __init__(self, symbol: str, buffer: Buffer) -> None:
        super().__init__(capacity=1, buffer=buffer)
        self.symbol = symbol


class BestFeed:
    """The feed of one choice: it appends the best prices to a log whenever they change.

    Args:
        choice: The choice.
        prices: Reads the best prices.
        pace: Limits the time that all feeds of the process take.
        buffer: The buffer of the process.
    """

    def __init__(
        self, choice: BestChoice, prices: BestRoute, pace: ViewPace, buffer: Buffer
    ) -> None:
        self.choice = choice
        self.log = NewestLog(choice.symbol, buffer)
        self.readers = 0
        self.shown: BestAnswer | None = None
        """The answer of the newest event, None before the first."""
        self._prices = prices
        self._pace = pace
        self._symbols: list[str] = []
        self._symbols_at = float("-inf")

    async def run(self) -> None:
        """Read at the interval, or less often if reads take long, until the task is cancelled."""
        seconds = FIRST_SECONDS
        while True:
            await asyncio.sleep(self._pace.pause_after(seconds, self.choice.interval))
            # Other tasks may run during the read, so a busy process reads less often.
            begun = thread_time()
            await self.read()
            seconds = estimate_seconds(thread_time() - begun, seconds)

    async def read(self) -> None:
        """Append an event if the best prices, or a book's status or best levels, have changed.

        While Redis cannot be read, the event has the last known books, none of them `live`.

        Raises:
            ApiError: Redis cannot be read, and no book is known yet.
        """
        try:
            answer = await self._current()
        except ApiError:
            if not self._symbols:
                raise
            answer = self._prices.known(self._symbols, self.choice.visible)
        if self.shown is not None and _visible(answer) == _visible(self.shown):
            return
        self.shown = answer
        sse = render_unnumbered_sse(encode_json(answer))
        self.log.append(SseEvent(NOWHERE, "", sse))
        self.log.wake()

    async def _current(self) -> BestAnswer:
        symbol, _, visible = self.choice
        if monotonic() - self._symbols_at >= SYMBOLS_INTERVAL:
            self._symbols = await self._prices.symbols(symbol, visible)
            self._symbols_at = monotonic()
        return await self._prices.read(self._symbols, visible)


class BestReader:
    """One reader's place in a feed: it gets the newest event that it does not have yet.

    Args:
        feeds: The feeds of the process.
        feed: The feed that the reader has joined.
    """

    def __init__(self, feeds: BestFeeds, feed: BestFeed) -> None:
        self.log = feed.log
        self._feeds = feeds
        self._feed = feed
        self._index = 0

    async def next(self) -> bytes:
        """Return the newest event, empty if it was sent."""
        return self.ready().data

    def ready(self) -> Write:
        """Return the newest event, or nothing if it was sent."""
        write = self.log.read(self._index) or self.log.read(self.log.end - 1)
        assert write is not None, "a log never drops its newest event"
        if write.data:
            self._index = write.end
            _events_out.value += 1
        return write

    def close(self) -> None:
        """Leave the feed."""
        self._feeds.leave(self._feed)


class BestFeeds:
    """Runs one feed for each choice that has readers, and starts the readers.

    Args:
        prices: Reads the best prices.
        buffer: The buffer of the process.
    """

    def __init__(self, prices: BestRoute, buffer: Buffer) -> None:
        self.prices = prices
        self._buffer = buffer
        self._pace = ViewPace(MAX_BUSY)
        self._feeds: dict[BestChoice, BestFeed] = {}
        self._running: dict[BestFeed, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Run the feeds until the task is cancelled; raise the exception of a feed that fails."""
        async with self._group:
            await asyncio.Event().wait()

    async def start(self, request: BestChoice) -> tuple[BestReader, bytes]:
        """Return a reader and its first event; the caller closes it. Raise ApiError."""
        reader = BestReader(self, await self.join(request))
        return reader, reader.ready().data

    def shown(self, choice: BestChoice) -> BestAnswer | None:
        """Return the answer of the newest event of a choice, None if there is none."""
        feed = self._feeds.get(choice)
        return feed.shown if feed else None

    async def join(self, choice: BestChoice) -> BestFeed:
        """Return the feed of a choice, and count one reader more; call `leave` when it leaves.

        ApiError is raised if there is no feed yet, and its first read fails.
        """
        feed = self._feeds.get(choice)
        if feed is None:
            feed = self._feeds[choice] = BestFeed(choice, self.prices, self._pace, self._buffer)
            self._pace.views += 1
        feed.readers += 1
        try:
            if feed.shown is None:
                await feed.read()
        except BaseException:
            self.leave(feed)
            raise
        if feed not in self._running:
            self._running[feed] = self._group.create_task(feed.run())
        return feed

    def leave(self, feed: BestFeed) -> None:
        """Count one reader less, and end the feed after the last."""
        feed.readers -= 1
        if feed.readers:
            return
        del self._feeds[feed.choice]
        self._pace.views -= 1
        task = self._running.pop(feed, None)
        if task is not None:
            task.cancel()
        feed.log.close()


def _visible(answer: BestAnswer) -> BestAnswer:
    """Return an answer without `age_ms` and `seq`, whose changes alone cause no event."""
    return replace(answer, venues=[replace(each, age_ms=None, seq=None) for each in answer.venues])
