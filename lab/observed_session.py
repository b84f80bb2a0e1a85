"""A session that plays a script, and everything about it that anyone could observe.

Two implementations of the same path are equal if the same script gives equal observations, down to
the bytes of each event, the counters and the log.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from typing import Any, NamedTuple

from prometheus_client.registry import Collector
from structlog.testing import capture_logs

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.hot_path import HotPath
from collector.feed.lag import FeedLagging, LagMemory
from collector.feed.timestamp import Timestamp
from collector.feed.venue import Instrument
from collector.metrics import (
    BAD_FRAMES,
    FEED_LAG,
    FRAMES,
    MISMATCHES,
    RESYNCS,
    SUBSCRIPTION_STATES,
    VERIFIED,
)
from collector.publish.event_queue import EventQueue, QueueLimit
from collector.venues.kraken.session import KrakenSession
from collector.venues.kraken.venue import RESYNCS_PER_10_S
from collector.venues.session import RequestsUnanswered
from kraken_book.book import AnySide
from kraken_book.contract.write import WriteRefusal
from kraken_book.level import Level
from kraken_book.precision import Precision
from lab.session_script import (
    START_STEADY_NS,
    START_UNIX_NS,
    Advance,
    Open,
    Pair,
    Refuse,
    Script,
    Send,
    SessionAction,
    SymbolAction,
    World,
)

QUIET_SECONDS = 300.0
_AT = re.compile(rb'"at":"[^"]*"')
_COUNTERS: tuple[Collector, ...] = (
    *(FRAMES, BAD_FRAMES, VERIFIED, MISMATCHES, RESYNCS, SUBSCRIPTION_STATES, FEED_LAG),
)


class Observation(NamedTuple):
    """One thing that was observed: what, and its value."""

    what: str
    value: object


class Listener:
    """A listener of a book that is no queue."""

    def __init__(self, book: SymbolBook, observe: Callable[[str, object], None]) -> None:
        self._book = book
        self._observe = observe

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Observe an update."""
        self._observe("heard update", (list(bids), list(asks)))

    def on_snapshot(self) -> None:
        """Observe a snapshot."""
        self._observe("heard snapshot", self._book.view())

    def on_status(self) -> None:
        """Observe a status."""
        self._observe("heard status", (self._book.status, self._book.reason))


class ObservedSession:
    """A session with books and queues, which plays a script.

    The first symbols have queues. If there are more than two, the third has another listener, and
    the fourth none.

    Args:
        world: What the script is about.
        path: The path of the session and of its books.
        batch_size: The most frames that are passed to the session together.
    """

    def __init__(self, world: World, path: HotPath, batch_size: int) -> None:
        self.seen: list[Observation] = []
        self.taken = 0
        """Number of frames that were taken as plain updates, which is not observed."""
        self._world = world
        self._path = path
        self._batch_size = batch_size
        self._unix, self._steady = START_UNIX_NS, START_STEADY_NS
        self._limit = QueueLimit(world.room_each, world.room_together)
        self._lag_memory = LagMemory()
        self._resyncs = SharedBudget(RESYNCS_PER_10_S, 10.0).join()
        self._messages: list[bytes] = []
        self._woken: set[str] = set()
        self._is_full_of_lag = False
        self.books = {pair.symbol: self._new_book(pair) for pair in world.pairs}
        self._old_books: list[SymbolBook] = []
        self.queues: dict[str, EventQueue] = {}
        for number, (symbol, book) in enumerate(self.books.items()):
            if number == 2:
                book.listener = Listener(book, self._observe)
            elif number != 3:
                on_waiting = partial(self._woken.add, symbol)
                self.queues[symbol] = EventQueue(book, self._limit, on_waiting)
        self.session = self._open_session()

    def play(self, script: Script) -> list[Observation]:
        """Play a script, and return everything that was observed."""
        # The delays of requests are random.
        random.seed(7)
        with capture_logs() as lines, self._counters():
            for action in script.actions:
                if isinstance(action, Send):
                    self._messages.append(action.frame)
                    continue
                self._process_messages()
                self._act(action)
            self._process_messages()
            self._look_at_all()
        self._observe("log", lines)
        return self.seen

    def _observe(self, what: str, value: object) -> None:
        self.seen.append(Observation(what, value))

    def _new_book(self, pair: Pair) -> SymbolBook:
        book = SymbolBook(pair.symbol, self._world.depth, "simulated", path=self._path)
        # A session ignores pairs with odd names, but a book may have any name.
        book.precision = Precision(pair.price, pair.qty)
        return book

    def _open_session(self) -> KrakenSession:
        session = KrakenSession(
            self.books,
            self._world.depth,
            QUIET_SECONDS,
            self._resyncs,
            self._lag_memory,
            self._on_instruments,
            self._path,
        )
        session.open(self._steady / 1e9)
        return session

    def _on_instruments(self, pairs: Sequence[Instrument], is_all: bool) -> bool:
        self._observe("instruments", ([pair.symbol for pair in pairs], is_all))
        return True

    # Frames

    def _process_messages(self) -> None:
        messages, self._messages = self._messages, []
        if not messages:
            return
        read_at = Timestamp(self._unix, self._steady)
        try:
            for at in range(0, len(messages), self._batch_size):
                self._process_batch(messages[at : at + self._batch_size], read_at)
        except FeedLagging as error:
            self._observe("lagging", str(error))
            self._reconnect("lag")
        except RequestsUnanswered as error:
            self._observe("unanswered", str(error))
            self._reconnect(error.reason)
        self._observe("woken", sorted(self._woken))
        self._observe("waiting", {symbol: q.waiting for symbol, q in self.queues.items()})
        self._woken.clear()

    def _process_batch(self, messages: list[bytes], read_at: Timestamp) -> None:
        at = 0
        while True:
            first = at
            at = self.session.take_plain(messages, first, read_at)
            assert first <= at <= len(messages), "a number of frames that were not there"
            self.taken += at - first
            if at == len(messages):
                return
            rest = self.session.begin(messages[at], read_at)
            at += 1
            if rest is not None:
                self._observe("steps", sum(1 for _ in rest))

    def _tick(self) -> None:
        try:
            self.session.tick(self._steady / 1e9)
        except RequestsUnanswered as error:
            self._observe("unanswered", str(error))
            self._reconnect(error.reason)

    def _reconnect(self, reason: str) -> None:
        self.session.close(reason)
        self.session = self._open_session()

    # Everything else

    def _act(  # noqa: C901 - one case for each action
        self, action: Advance | SymbolAction | Open | Refuse | SessionAction
    ) -> None:
        match action:
            case Advance(nanoseconds):
                self._unix += nanoseconds
                self._steady += nanoseconds
            case SymbolAction("look", symbol):
                if symbol in self.books:
                    self._look(self.books[symbol])
            case SymbolAction("remove", symbol):
                self.session.remove(symbol)
                self._old_books.append(self.books.pop(symbol))
            case SymbolAction("add", symbol):
                self._add(symbol)
            case SessionAction("tick"):
                self._tick()
            case SessionAction("reconnect"):
                self._reconnect("closed")
            case SessionAction("share", symbols):
                self._share(symbols)
            case SessionAction():
                self._look_at_requests()
            case _ if action.symbol in self.queues:
                self._act_on_queue(self.queues[action.symbol], action)
        self._observe("woken by action", sorted(self._woken))
        self._woken.clear()

    def _share(self, symbols: int) -> None:
        # As the publisher does it.
        if self._limit.share_among(symbols):
            for queue in self.queues.values():
                queue.grant_room()

    def _add(self, symbol: str) -> None:
        book = self._new_book(next(p for p in self._world.pairs if p.symbol == symbol))
        self.books[symbol] = book
        if symbol in self.queues:
            self.queues[symbol].carry(book)
        self.session.add(book)

    def _act_on_queue(self, queue: EventQueue, action: SymbolAction | Open | Refuse) -> None:
        match action:
            case SymbolAction("take", _):
                self._take(queue)
            case SymbolAction():
                queue.close()
            case Open(_, epoch, after_seq):
                queue.open(epoch, after_seq)
            case Refuse(_, epochs, seqs):
                epoch = (queue.epoch or 0) + epochs
                queue.restart_at(WriteRefusal("GAP", epoch, max(0, queue.taken_seq - seqs + 3)))
        self._look_at_queue(queue)

    def _take(self, queue: EventQueue) -> None:
        batch = queue.take_batch()
        if batch is None:
            self._observe("no batch", queue.book.symbol)
            return
        # The time of a status is the current one, and so is `since` of a batch without updates.
        runs = [
            (run.kind, run.seq, [_AT.sub(b'"at":now', data) for data in run.data])
            for run in batch.runs
        ]
        self._observe("events", (batch.epoch, runs, batch.conflated))
        if batch.runs[0].kind == "update":
            self._observe("since", batch.since)

    # Looks

    def _look_at_all(self) -> None:
        for book in (*self.books.values(), *self._old_books):
            self._look(book)
        for queue in self.queues.values():
            self._look_at_queue(queue)
            while queue.waiting:
                self._take(queue)
        self._look_at_requests()

    def _look_at_requests(self) -> None:
        now, session = self._steady / 1e9, self.session
        self._observe("requests", list(iter(lambda: session.requests.next_request(now), None)))
        self._observe(
            "subscriptions",
            {
                symbol: (each.state, each.due, each.has_budget, each.max_together)
                for symbol, each in session.subscriptions.items()
            },
        )
        facts = (session.system, session.is_complete, session.has_verified, session.lag.seconds)
        self._observe("session", facts)

    def _look(self, book: SymbolBook) -> None:
        stored = (book.checksum, book.exchange_time, book.read_at, book.confirmed_at)
        self._observe("book", (book.symbol, book.state("1/1"), book.is_live, *stored))
        if book.book is not None:
            self._look_at_sides(book)

    def _look_at_sides(self, book: SymbolBook) -> None:
        sides = book.book
        assert sides is not None
        self._observe("bids", _dump(sides.bids))
        self._observe("asks", _dump(sides.asks))
        self._observe("checksum", (sides.checksum(), sides.spread, sides.top_json))
        self._observe("view", book.view())

    def _look_at_queue(self, queue: EventQueue) -> None:
        numbers = (queue.epoch, queue.seq, queue.taken_seq, queue.waiting, queue.is_filling)
        self._observe("queue", (queue.book.symbol, *numbers))

    @contextmanager
    def _counters(self) -> Iterator[None]:
        before = _counts()
        yield
        after = _counts()
        # Sums of floats differ in their last digits.
        changes = {key: round(value - before.get(key, 0), 6) for key, value in after.items()}
        self._observe("counters", {key: change for key, change in changes.items() if change})


def _dump(side: AnySide) -> tuple[object, ...]:
    levels = [(level, level.lots) for level in side]
    return (levels, len(side), side.best, side.json, side.checksum_text)


def _counts() -> dict[Any, float]:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for counter in _COUNTERS
        for family in counter.collect()
        for sample in family.samples
    }


def observe(script: Script, path: HotPath, batch_size: int) -> list[Observation]:
    """Return everything that is observed if a new session plays the script."""
    return ObservedSession(script.world, path, batch_size).play(script)


def assert_same(seen: Iterable[Observation], expected: Iterable[Observation]) -> None:
    """Fail at the first observation that differs."""
    for number, (one, other) in enumerate(zip_longest(seen, expected)):
        assert one == other, f"observation {number} differs:\n{one}\ninstead of\n{other}"
