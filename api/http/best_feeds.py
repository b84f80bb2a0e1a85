"""Read the best prices of a pair at an interval, once for all readers of the same choice.

A feed keeps only its newest event, so a slow reader gets fewer events and costs no memory.
"""

from __future__ import annotations

import asyncio
from time import monotonic, thread_time
from typing import NamedTuple

from msgspec.structs import replace

from api.follow.buffer import Buffer
from api.follow.event_log import EventLog, SseEvent, render_unnumbered_sse
from api.http.answers import BestAnswer
from api.http.best import BestRoute
from api.http.json_text import encode_json
from api.store.errors import ApiError
from api.views.view_pace import FIRST_SECONDS, ViewPace, estimate_seconds
from kraken_book.position import NOWHERE
from kraken_book.selection import Selection

# Part of the process's time that all feeds together may take.
MAX_BUSY = 0.25
# Seconds after which a venue that begins to have the pair is found.
SYMBOLS_INTERVAL = 1.0


class BestChoice(NamedTuple):
    """What a reader chose."""

    symbol: str
    """A symbol of the pair. A pair alone may also be an old name of another one at Kraken."""
    interval: float
    """Least seconds between two events."""
    visible: Selection | None
    """The symbols that the reader may see; None for all."""


class NewestLog(EventLog):
    """A log that keeps only its newest event."""

    def __init__(self, symbol: str, buffer: Buffer) -> None:
        super().__init__(capacity=1, buffer=buffer)
        self.symbol = symbol


class BestFeed:
    """The events of one choice.

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
        """Read at the interval, or less often if reading takes long; never return."""
        seconds = FIRST_SECONDS
        while True:
            await asyncio.sleep(self._pace.pause_after(seconds, self.choice.interval))
            # Other tasks may run meanwhile, so a busy process reads less often.
            begun = thread_time()
            await self.read()
            seconds = estimate_seconds(thread_time() - begun, seconds)

    async def read(self) -> None:
        """Append an event if the best prices or a book's status or best levels have changed.

        While Redis cannot be read, the last books are shown, none of them as `live`.

        Raises:
            ApiError: Nothing was read before.
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


class BestFeeds:
    """Runs a feed for each choice that has readers.

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
        """Run the feeds until the task is cancelled; raise the exceptions of a feed that fails."""
        async with self._group:
            await asyncio.Event().wait()

    async def join(self, choice: BestChoice) -> BestFeed:
        """Return the feed of a choice, to be left with `leave`; raise ApiError on failure."""
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
        """Count one reader less; after the last, end the feed."""
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
    """Return the part of an answer whose change is an event: all but `age_ms` and `seq`."""
    return replace(answer, venues=[replace(each, age_ms=None, seq=None) for each in answer.venues])
