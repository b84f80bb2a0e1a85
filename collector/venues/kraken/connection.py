"""One connection to Kraken, forever: connect, run a session on it, back off, again.

BACKING OFF ─▶ CONNECTING ─▶ SUBSCRIBING ─▶ LIVE
     ▲              │             │          │
     └──────────────┴─────────────┴──────────┘  unreachable, refused, closed, silent, lag, flood
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from time import monotonic_ns

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from collector.feed.books import SymbolBook
from collector.feed.budget import BudgetShare
from collector.feed.lag import FeedLagging, FeedSilent, Watchdog
from collector.feed.link import Link
from collector.feed.timestamp import Timestamp, timestamp_now
from collector.feed.venue import ConnectionState
from collector.metrics import CONNECTION_STATES, RECONNECTS
from collector.venues.feed_socket import (
    MOST_WAITING,
    NOT_CONNECTED,
    FeedFlooded,
    FeedSocket,
    FrameBatch,
    open_feed_socket,
)
from collector.venues.kraken.session import KrakenSession
from kraken_book.backoff import Backoff
from kraken_book.timestamps import rfc3339
from runtime.logs import get_logger

# The name that LOG_LEVEL takes; it outlives moves of this module.
log = get_logger("collector.kraken")

# A server that brings a snapshot and then ends, again and again, has not recovered by it.
RECOVERED_SECONDS = 10.0
TICK_INTERVAL = 1.0
# Process at most 5 ms of frames before yielding to the event loop. A thousand snapshots at once
# would hold up all else for a second; yielding more often gives each write to Redis fewer events.
TURN_NANOSECONDS = 5_000_000

TRANSITIONS = {
    ConnectionState.BACKING_OFF: {ConnectionState.CONNECTING},
    ConnectionState.CONNECTING: {ConnectionState.SUBSCRIBING, ConnectionState.BACKING_OFF},
    ConnectionState.SUBSCRIBING: {ConnectionState.LIVE, ConnectionState.BACKING_OFF},
    ConnectionState.LIVE: {ConnectionState.BACKING_OFF},
}

_ENDED = (FeedLagging, FeedSilent, FeedFlooded, OSError, WebSocketException)


class KrakenConnection:
    """A websocket that carries books, and is opened again whenever it ends.

    Args:
        name: Its name, for people.
        url: Address of the websocket.
        connects: Its share of the connects of a process.
        open_session: Returns a session of these books, for a new websocket.
        recovered_after: Seconds after which a connection with a verified snapshot has recovered:
            the delays begin anew.
        backoff: Delays between attempts.
        clock: Returns the time.

    Attributes:
        books: The books that it carries.
        link: What the readers of its books know of it.
        state: Its state; `_enter` alone changes it.
        frames: How many frames were processed.
        reconnects: How often it ended.
    """

    def __init__(
        self,
        name: str,
        url: str,
        connects: BudgetShare,
        open_session: Callable[[Mapping[str, SymbolBook]], KrakenSession],
        *,
        recovered_after: float = RECOVERED_SECONDS,
        backoff: Backoff | None = None,
        clock: Callable[[], Timestamp] = timestamp_now,
    ) -> None:
        self.books: dict[str, SymbolBook] = {}
        self.link = Link()
        self.state = ConnectionState.BACKING_OFF
        self.frames = 0
        self.reconnects = 0
        self._name = name
        self._url = url
        self._connects = connects
        self._open_session = open_session
        self._recovered_after = recovered_after
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._session: KrakenSession | None = None
        self._entered_at = clock()
        self._watchdog = Watchdog()

    def add(self, book: SymbolBook) -> None:
        """Carry this book too."""
        self.books[book.symbol] = book
        if self._session is not None:
            self._session.add(book)

    def remove(self, symbol: str) -> None:
        """Stop carrying this book."""
        del self.books[symbol]
        if self._session is not None:
            self._session.remove(symbol)

    def describe(self) -> dict[str, object]:
        """Return the connection's report for `kraken:feed` and /healthz."""
        session, last_frame_at = self._session, self._watchdog.last_frame_at.unix
        return {
            "name": self._name,
            "state": self.state.value,
            "since": rfc3339(self._entered_at.unix),
            "last_frame": rfc3339(last_frame_at) if last_frame_at else None,
            "symbols": len(self.books),
            "frames": self.frames,
            "reconnects": self.reconnects,
            "lag_ms": round(session.lag.seconds * 1000) if session else None,
            "system": session.system if session else None,
        }

    async def run(self) -> None:
        """Stay connected, forever."""
        while True:
            await self._wait_for_budget()
            self._enter(ConnectionState.CONNECTING)
            self._session = session = self._open_session(self.books)
            error = await self._converse_once(session)
            self._session = None
            delay = self._backoff.next()
            self.reconnects += 1
            reason, words = _reason_of(error), str(error) or type(error).__name__
            RECONNECTS.labels(reason).inc()
            facts = {"reason": reason, "error": words, "seconds": round(delay, 1)}
            self._enter(ConnectionState.BACKING_OFF, **facts)
            await asyncio.sleep(delay)

    async def _wait_for_budget(self) -> None:
        while not self._connects.take(self._now()):
            wait = self._connects.wait(self._now())
            log.warning("connect budget exhausted", name=self._name, seconds=round(wait, 1))
            await asyncio.sleep(wait)

    async def _converse_once(self, session: KrakenSession) -> Exception:
        """Connect and converse until it ends; return the error that ended it."""
        try:
            websocket = await open_feed_socket(self._url)
        except NOT_CONNECTED as error:
            session.close(_reason_of(error))
            return error
        self._enter(ConnectionState.SUBSCRIBING)
        self.link.last_frame_at = self._entered_at
        self._watchdog.begin(self._entered_at)
        connected_at = self._now()
        try:
            ended = await self._converse(websocket, session)
            # Before the socket is closed, which may take a while: no book is confirmed any more.
            self.link.last_frame_at, self.link.is_behind = None, False
            session.close(_reason_of(ended))
        finally:
            await websocket.close()
        if session.has_verified and self._now() - connected_at >= self._recovered_after:
            self._backoff.reset()
        return ended

    async def _converse(self, websocket: FeedSocket, session: KrakenSession) -> Exception:
        """Exchange frames and requests; return the error that ends it."""
        session.open(self._now())
        loops = (self._process_frames, self._tick)
        tasks = [asyncio.create_task(loop(websocket, session)) for loop in loops]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        try:
            for task in done:
                task.result()
        except _ENDED as error:
            return error
        raise AssertionError("a conversation ends only by an error")

    async def _process_frames(self, websocket: FeedSocket, session: KrakenSession) -> None:
        while True:
            if session.requests:
                await self._send_requests(websocket, session)
            batch = await websocket.next_batch()
            self.link.last_frame_at = batch.read_at
            self.link.is_behind = len(batch.messages) >= MOST_WAITING
            self._watchdog.on_frames(batch.read_at)
            await self._process_batch(batch, session)
            self.frames += len(batch.messages)
            if self.state is ConnectionState.SUBSCRIBING and session.is_complete:
                self._enter(ConnectionState.LIVE)

    async def _process_batch(self, batch: FrameBatch, session: KrakenSession) -> None:
        until = monotonic_ns() + TURN_NANOSECONDS
        for data in batch.messages:
            rest = session.begin(data, batch.read_at)
            if monotonic_ns() > until:
                await asyncio.sleep(0)
                until = monotonic_ns() + TURN_NANOSECONDS
            for _ in rest or ():
                if monotonic_ns() > until:
                    await asyncio.sleep(0)
                    until = monotonic_ns() + TURN_NANOSECONDS
        # More may wait already, and reading it would not yield.
        await asyncio.sleep(0)

    async def _tick(self, websocket: FeedSocket, session: KrakenSession) -> None:
        while True:
            await asyncio.sleep(TICK_INTERVAL)
            self._watchdog.tick(self._clock())
            session.tick(self._now())
            await self._send_requests(websocket, session)

    async def _send_requests(self, websocket: FeedSocket, session: KrakenSession) -> None:
        while (request := session.requests.next(self._now())) is not None:
            await websocket.send(request)

    def _enter(self, state: ConnectionState, **facts: object) -> None:
        assert state in TRANSITIONS[self.state], f"{state} does not follow {self.state}"
        self.state = state
        self._entered_at = self._clock()
        CONNECTION_STATES.labels(state.value).inc()
        level = log.warning if state is ConnectionState.BACKING_OFF else log.info
        level(f"connection {state.value}", name=self._name, url=self._url, **facts)

    def _now(self) -> float:
        return self._clock().steady / 1e9


def _reason_of(error: Exception) -> str:
    """Return why a connection ended: one of a bounded set of words."""
    match error:
        case FeedSilent() | FeedLagging() | FeedFlooded():
            return error.reason
        case ConnectionClosed():
            return "closed"
        case InvalidStatus():
            return "refused"
        case ssl.SSLCertVerificationError():
            return "certificate"
        case _:
            return "unreachable"
