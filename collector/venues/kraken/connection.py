"""One connection to Kraken, for ever: connect, converse, back off, again.

BACKING OFF ─▶ CONNECTING ─▶ SUBSCRIBING ─▶ LIVE
     ▲              │             │          │
     └──────────────┴─────────────┴──────────┘  unreachable, refused, closed, silent, lag, flood
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from time import monotonic, monotonic_ns, time_ns
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from collector.feed.books import SymbolBook
from collector.feed.budget import Share
from collector.feed.link import Link
from collector.feed.timestamp import Timestamp, timestamp_now
from collector.feed.venue import ConnectionState
from collector.metrics import CONNECTION_STATES, RECONNECTS
from collector.venues.kraken.feed_socket import (
    MOST_BYTES,
    MOST_WAITING,
    FeedFlooded,
    FeedSocket,
    Lot,
)
from collector.venues.kraken.lag import MOST_LAG_SECONDS, FeedLagging
from collector.venues.kraken.session import Session
from kraken_book.backoff import Backoff
from kraken_book.hosts import is_loopback
from kraken_book.timestamps import rfc3339
from runtime.logs import get_logger

# The name that LOG_LEVEL takes; it outlives moves of this module.
log = get_logger("collector.kraken")

SILENCE_SECONDS = 10.0
CONNECT_SECONDS = 10.0
# What brings a snapshot and then ends, again and again, has not recovered by it.
RECOVERED_SECONDS = 10.0
# So long are frames taken that came together; then the loop's other tasks have their turn. A flood
# that is written after every 32 frames costs a quarter more, since each call then carries few
# events; a thousand snapshots at once would hold up all else for a second.
TURN_NANOSECONDS = 5_000_000


_FOLLOWS = {
    ConnectionState.BACKING_OFF: {ConnectionState.CONNECTING},
    ConnectionState.CONNECTING: {ConnectionState.SUBSCRIBING, ConnectionState.BACKING_OFF},
    ConnectionState.SUBSCRIBING: {ConnectionState.LIVE, ConnectionState.BACKING_OFF},
    ConnectionState.LIVE: {ConnectionState.BACKING_OFF},
}


class FeedSilent(Exception):
    """Nothing comes any more, not even a heartbeat."""

    reason = "silent"


# What connecting may raise: also for a redirect to what is no URL, a header that comes twice, and a
# SOCKS proxy, for which websockets wants a package of its own.
_NOT_CONNECTED = (OSError, WebSocketException, ImportError, ValueError, LookupError)


class Connection:
    """A websocket to `url` that carries the books of its sessions; `name` is for people.

    It connects within `connects`, its share of the budget of all connections of a process.
    `open_session` makes the conversation of each new socket over the books there are then. Once a
    connection that brought a verified snapshot has lasted for `recovered_after` seconds, the next
    is tried as soon as if there had never been a failure.
    """

    def __init__(
        self,
        name: str,
        url: str,
        connects: Share,
        open_session: Callable[[Mapping[str, SymbolBook]], Session],
        recovered_after: float = RECOVERED_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.books: dict[str, SymbolBook] = {}
        self._url = url
        self._connects = connects
        self._open_session = open_session
        self._session: Session | None = None
        self._recovered_after = recovered_after
        self._backoff = backoff or Backoff()
        self._last = self._ticked = Timestamp(0, 0)
        self.state = ConnectionState.BACKING_OFF
        # For people; what is measured is measured by the steady clock.
        self.since = time_ns()
        self._connected_at = 0.0
        self.link = Link()
        self.reconnects = 0
        self.frames = 0

    def add(self, book: SymbolBook) -> None:
        """Carry this book too."""
        self.books[book.symbol] = book
        if self._session is not None:
            self._session.add(book.symbol)

    def remove(self, symbol: str) -> None:
        """Carry this book no more."""
        del self.books[symbol]
        if self._session is not None:
            self._session.remove(symbol)

    def describe(self) -> dict[str, object]:
        """What `kraken:feed` says of it."""
        return {
            "name": self.name,
            "state": self.state.value,
            "since": rfc3339(self.since),
            "last_frame": rfc3339(self._last.unix) if self._last.unix else None,
            "symbols": len(self.books),
            "frames": self.frames,
            "reconnects": self.reconnects,
            "lag_ms": round(self._session.lag.seconds * 1000) if self._session else None,
            "system": self._session.system if self._session else None,
        }

    async def run(self) -> None:
        """Stay connected, for ever."""
        while True:
            await self._wait_for_budget()
            self._enter(ConnectionState.CONNECTING)
            session = self._session = self._open_session(self.books)
            reason, error = await self._attempt(session)
            if session.verified and monotonic() - self._connected_at >= self._recovered_after:
                self._backoff.reset()
            self._session = None
            self.link.last_frame_at = None
            delay = self._backoff.next()
            self.reconnects += 1
            RECONNECTS.labels(reason).inc()
            self._enter(
                ConnectionState.BACKING_OFF, reason=reason, error=error, seconds=round(delay, 1)
            )
            await asyncio.sleep(delay)

    async def _wait_for_budget(self) -> None:
        while not self._connects.take(monotonic()):
            wait = self._connects.wait(monotonic())
            log.warning("so many connections are enough", name=self.name, seconds=round(wait, 1))
            await asyncio.sleep(wait)

    async def _attempt(self, session: Session) -> tuple[str, str]:
        """Converse until it ends; says why, in a word and at length."""
        try:
            websocket = await self._connect()
        except _NOT_CONNECTED as error:
            session.close(reason := _reason_of(error))
            return reason, _words_of(error)
        self._last = self._ticked = self.link.last_frame_at = timestamp_now()
        self._connected_at = monotonic()
        self._enter(ConnectionState.SUBSCRIBING)
        try:
            await self._converse(websocket, session)
        except (FeedLagging, FeedSilent, FeedFlooded, OSError, WebSocketException) as error:
            # Before the socket is closed, which may take its time: nothing is confirmed any more.
            self.link.is_behind = False
            session.close(reason := _reason_of(error))
            return reason, _words_of(error)
        finally:
            await websocket.close()
        raise AssertionError("a conversation ends only by an error")

    async def _connect(self) -> FeedSocket:
        websocket = await connect(
            self._url,
            create_connection=FeedSocket,
            compression=None,
            max_size=MOST_BYTES,
            open_timeout=CONNECT_SECONDS,
            # Kraken's heartbeats tell more than our pings would.
            ping_interval=None,
            close_timeout=0.5,
            # A proxy of the environment would not find this machine.
            proxy=None if is_loopback(urlsplit(self._url).hostname or "") else True,
        )
        assert isinstance(websocket, FeedSocket)
        return websocket

    async def _converse(self, websocket: FeedSocket, session: Session) -> None:
        session.open(monotonic())
        tasks = [
            asyncio.create_task(self._read(websocket, session)),
            asyncio.create_task(self._tick(websocket, session)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in done:
            task.result()

    async def _read(self, websocket: FeedSocket, session: Session) -> None:
        while True:
            if session.requests:
                await self._send(websocket, session)
            lot = await websocket.read()
            self._last = self.link.last_frame_at = lot.read
            self.link.is_behind = len(lot.messages) >= MOST_WAITING
            self._require_no_standstill(lot.read)
            await self._take(lot, session)
            self.frames += len(lot.messages)
            if self.state is ConnectionState.SUBSCRIBING and session.complete:
                self._enter(ConnectionState.LIVE)

    async def _take(self, lot: Lot, session: Session) -> None:
        until = monotonic_ns() + TURN_NANOSECONDS
        for data in lot.messages:
            rest = session.begin(data, lot.read)
            if monotonic_ns() > until:
                await asyncio.sleep(0)
                until = monotonic_ns() + TURN_NANOSECONDS
            # Of a large frame.
            for _ in rest or ():
                if monotonic_ns() > until:
                    await asyncio.sleep(0)
                    until = monotonic_ns() + TURN_NANOSECONDS
        # More may wait already, and reading it would not let others have theirs.
        await asyncio.sleep(0)

    async def _tick(self, websocket: FeedSocket, session: Session) -> None:
        while True:
            await asyncio.sleep(1)
            now = timestamp_now()
            self._require_no_standstill(now)
            self._ticked = now
            if now.steady - self._last.steady >= SILENCE_SECONDS * 1e9:
                raise FeedSilent(f"nothing came for {SILENCE_SECONDS:.0f} s")
            session.tick(monotonic())
            await self._send(websocket, session)

    def _require_no_standstill(self, now: Timestamp) -> None:
        """Raise FeedLagging where this process was suspended: what waits in the socket is old.

        It is read so fast that its times alone would tell too late.
        """
        stood_still = (now.steady - self._ticked.steady) / 1e9
        if stood_still > MOST_LAG_SECONDS:
            raise FeedLagging(f"this process stood still for {stood_still:.1f} s")

    async def _send(self, websocket: FeedSocket, session: Session) -> None:
        while (request := session.requests.next(monotonic())) is not None:
            await websocket.send(request)

    def _enter(self, state: ConnectionState, **facts: object) -> None:
        assert state in _FOLLOWS[self.state], f"{state} does not follow {self.state}"
        self.state = state
        CONNECTION_STATES.labels(state.value).inc()
        self.since = time_ns()
        level = log.warning if state is ConnectionState.BACKING_OFF else log.info
        level(f"connection {state.value}", name=self.name, url=self._url, **facts)


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


def _words_of(error: Exception) -> str:
    return str(error) or type(error).__name__
