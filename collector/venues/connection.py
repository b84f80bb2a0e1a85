"""One connection to a venue, in a loop: connect, run a session, back off.

BACKING OFF ─▶ CONNECTING ─▶ SUBSCRIBING ─▶ LIVE
     ▲              │             │          │
     └──────────────┴─────────────┴──────────┘  unreachable, refused, closed, silent, lag, flood,
                                                              or another end of its session
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from time import monotonic_ns
from typing import Protocol

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from collector.feed.books import SymbolBook
from collector.feed.budget import Budget, BudgetShare
from collector.feed.frame_trace import is_tracing, trace_frames
from collector.feed.lag import SILENCE_TIMEOUT, FeedLagging, FeedSilent, Watchdog
from collector.feed.link import Link
from collector.feed.room import Room
from collector.feed.timestamp import Timestamp, timestamp_now
from collector.feed.venue import ConnectionState
from collector.metrics import CONNECTION_STATES, RECONNECTS
from collector.tape.connection_tape import ConnectionTape
from collector.venues.feed_socket import (
    MAX_WAITING,
    NOT_CONNECTED,
    FeedFlooded,
    FeedSocket,
    FrameBatch,
    open_feed_socket,
)
from collector.venues.session import SessionFailed, VenueSession
from kraken_book.backoff import Backoff
from kraken_book.timestamps import rfc3339
from runtime.logs import get_logger

# A snapshot alone does not reset the backoff: the server may end each connection after it.
RECOVERED_AFTER = 10.0
TICK_INTERVAL = 1.0
# Process frames for at most 5 ms before yielding to the event loop. A longer time would block other
# tasks if many snapshots arrive at once. A shorter time makes writes to Redis smaller.
YIELD_INTERVAL_NS = 5_000_000

TRANSITIONS = {
    ConnectionState.BACKING_OFF: {ConnectionState.CONNECTING},
    ConnectionState.CONNECTING: {ConnectionState.SUBSCRIBING, ConnectionState.BACKING_OFF},
    ConnectionState.SUBSCRIBING: {ConnectionState.LIVE, ConnectionState.BACKING_OFF},
    ConnectionState.LIVE: {ConnectionState.BACKING_OFF},
}

_ENDED = (SessionFailed, FeedLagging, FeedSilent, FeedFlooded, OSError, WebSocketException)


class ConnectLimit(Protocol):
    """A limit of connection attempts; times are steady seconds."""

    def wait(self, now: float) -> float:
        """Return the seconds until another try; 0 if `take` can succeed now."""

    def take(self, now: float) -> bool:
        """Use one attempt; return False if there may be none now."""


class Connects:
    """A connection's share of all attempts, and the most of all connections in a short time."""

    def __init__(self, share: BudgetShare, burst: Budget) -> None:
        self._share = share
        self._burst = burst

    def wait(self, now: float) -> float:
        """Return the seconds until another try; 0 if `take` can succeed now."""
        return max(self._share.wait(now), self._burst.wait(now))

    def take(self, now: float) -> bool:
        """Use one attempt; return False if there may be none now."""
        return self.wait(now) == 0 and self._share.take(now) and self._burst.take(now)


class FeedConnection:
    """A websocket that carries books, and is opened again whenever it ends.

    Args:
        name: Name of the connection in logs and reports.
        url: Address of the websocket.
        connects: The connection's share of all connection attempts.
        open_session: Returns a session of these books, for a new websocket.
        room: The room in the queues of events; by default there always is some.
        venue: The venue's name; its logger in LOG_LEVEL is `collector.<venue>`.
        silence: Seconds without a frame after which the connection is silent.
        tape: Notes all that is received and sent.
        recovered_after: Seconds after which the backoff is reset, if a snapshot was verified.
        backoff: Delays between attempts.
        clock: Returns the time.

    Attributes:
        books: The books of the connection, by symbol.
        link: State of the connection, for readers of its books.
        state: The state; `_enter` alone changes it.
        frames: Number of processed frames.
        reconnects: Number of times that the connection failed.
    """

    def __init__(
        self,
        name: str,
        url: str,
        connects: ConnectLimit,
        open_session: Callable[[Mapping[str, SymbolBook]], VenueSession],
        room: Room | None = None,
        *,
        venue: str = "kraken",
        silence: float = SILENCE_TIMEOUT,
        tape: ConnectionTape | None = None,
        recovered_after: float = RECOVERED_AFTER,
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
        self._room = room or Room()
        self._tape = tape
        self._recovered_after = recovered_after
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._session: VenueSession | None = None
        self._entered_at = clock()
        self._watchdog = Watchdog(silence)
        self._log = get_logger(f"collector.{venue}")
        self._traces = is_tracing()

    def add(self, book: SymbolBook) -> None:
        """Add a book and subscribe to it."""
        self.books[book.symbol] = book
        if self._session is not None:
            self._session.add(book)

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""
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
        """Keep the connection up until the task is cancelled."""
        while True:
            await self._wait_for_budget()
            self._enter(ConnectionState.CONNECTING)
            self._session = session = self._open_session(self.books)
            error = await self._converse_once(session)
            self._session = None
            delay = self._backoff.next()
            self.reconnects += 1
            reason = _reason_of(error)
            RECONNECTS.labels(reason).inc()
            self._log.warning(
                "connection failed, backing off",
                name=self._name,
                url=self._url,
                reason=reason,
                error=str(error) or type(error).__name__,
                seconds=round(delay, 1),
            )
            self._enter(ConnectionState.BACKING_OFF)
            await asyncio.sleep(delay)

    async def _wait_for_budget(self) -> None:
        while not self._connects.take(self._now()):
            wait = self._connects.wait(self._now())
            self._log.warning("connect budget exhausted", name=self._name, seconds=round(wait, 1))
            await asyncio.sleep(wait)

    async def _converse_once(self, session: VenueSession) -> Exception:
        """Connect, and run the session until it ends; return the error that ended it."""
        try:
            websocket = await open_feed_socket(self._url, self._tape)
        except NOT_CONNECTED as error:
            session.close(_reason_of(error))
            return error
        self._enter(ConnectionState.SUBSCRIBING)
        self.link.last_frame_at = self._entered_at
        self._watchdog.begin(self._entered_at)
        connected_at = self._now()
        reason = "stopped"
        try:
            ended = await self._converse(websocket, session)
            reason = _reason_of(ended)
            # Closing the socket may take a while, in which no book is confirmed.
            self.link.last_frame_at, self.link.is_behind = None, False
            session.close(reason)
        finally:
            await self._close(websocket, reason)
        if session.has_verified and self._now() - connected_at >= self._recovered_after:
            self._backoff.reset()
        return ended

    async def _close(self, websocket: FeedSocket, reason: str) -> None:
        try:
            await websocket.close()
        finally:
            # The last frames come before this line.
            if self._tape is not None:
                self._tape.on_closed(reason)

    async def _converse(self, websocket: FeedSocket, session: VenueSession) -> Exception:
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
        raise AssertionError("a session ends only with an error")

    async def _process_frames(self, websocket: FeedSocket, session: VenueSession) -> None:
        while True:
            await self._send_requests(websocket, session)
            batch = await websocket.next_batch()
            if self._traces:
                trace_frames(self._name, batch.messages, batch.read_at)
            self.link.is_behind = len(batch.messages) >= MAX_WAITING
            self._watchdog.on_frames(batch.read_at)
            await self._process_with_room(batch, session)
            self.frames += len(batch.messages)
            if self.state is ConnectionState.SUBSCRIBING and session.is_complete:
                self._enter(ConnectionState.LIVE)

    async def _process_with_room(self, batch: FrameBatch, session: VenueSession) -> None:
        """Process the batch in parts that fit into the queues of events."""
        messages, size = batch.messages, self._room.frames_at_once
        for first in range(0, len(messages), size):
            await self._room.wait(self.link, session.lag)
            if first + size >= len(messages):
                # A book is confirmed only if no earlier frame still waits here.
                self.link.last_frame_at = batch.read_at
            part = FrameBatch(batch.read_at, messages[first : first + size])
            await self._process_batch(part, session)

    async def _process_batch(self, batch: FrameBatch, session: VenueSession) -> None:
        until = monotonic_ns() + YIELD_INTERVAL_NS
        messages, at = batch.messages, 0
        while at < len(messages):
            if session.is_compiled:
                at = session.take_plain(messages, at, batch.read_at)
            rest = None
            if at < len(messages):
                rest = session.begin(messages[at], batch.read_at)
                at += 1
            if monotonic_ns() > until:
                await asyncio.sleep(0)
                until = monotonic_ns() + YIELD_INTERVAL_NS
            for _ in rest or ():
                if monotonic_ns() > until:
                    await asyncio.sleep(0)
                    until = monotonic_ns() + YIELD_INTERVAL_NS
        # If more messages wait already, `next_batch` does not yield.
        await asyncio.sleep(0)

    async def _tick(self, websocket: FeedSocket, session: VenueSession) -> None:
        while True:
            await asyncio.sleep(TICK_INTERVAL)
            self._watchdog.tick(self._clock())
            session.tick(self._now())
            await self._send_requests(websocket, session)

    async def _send_requests(self, websocket: FeedSocket, session: VenueSession) -> None:
        while (request := session.next_request(self._now())) is not None:
            await websocket.send_text(request)

    def _enter(self, state: ConnectionState) -> None:
        assert state in TRANSITIONS[self.state], f"{state} does not follow {self.state}"
        self.state = state
        self._entered_at = self._clock()
        CONNECTION_STATES.labels(state.value).inc()
        if state is not ConnectionState.BACKING_OFF:
            self._log.info(
                "connection state changed", name=self._name, url=self._url, state=state.value
            )

    def _now(self) -> float:
        return self._clock().steady / 1e9


def _reason_of(error: Exception) -> str:
    """Return the reason of a failed connection, one of a bounded set of words."""
    match error:
        case SessionFailed() | FeedSilent() | FeedLagging() | FeedFlooded():
            return error.reason
        case ConnectionClosed():
            return "closed"
        case InvalidStatus():
            return "refused"
        case ssl.SSLCertVerificationError():
            return "certificate"
        case _:
            return "unreachable"
