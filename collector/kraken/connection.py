"""One connection to Kraken, for ever: connect, converse, back off, again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from enum import Enum
from time import monotonic, time

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from collector.backoff import Backoff
from collector.books import SymbolBook
from collector.kraken.session import Session
from collector.metrics import RECONNECTS
from collector.stamp import Stamp, stamp_now
from kraken_book.times import rfc3339
from service.logs import get_logger

log = get_logger(__name__)

SILENCE_SECONDS = 10.0
CONNECT_SECONDS = 10.0
# recv() returns without yielding while frames are queued; the loop's other tasks get their turn.
FRAMES_PER_TURN = 32
# The largest snapshots, of every pair or of 1,000 levels, stay well below.
MOST_BYTES = 16 * 2**20


class State(Enum):
    """Where a connection stands."""

    CONNECTING = "connecting"
    SUBSCRIBING = "subscribing"
    LIVE = "live"
    BACKING_OFF = "backing off"


class Connection:
    """A websocket to `url` that carries `books`; `name` is for people."""

    def __init__(self, name: str, url: str, books: Mapping[str, SymbolBook], depth: int) -> None:
        self.name = name
        self._url = url
        self._books = books
        self._depth = depth
        self._backoff = Backoff()
        self._last = Stamp(0, 0)
        self.state = State.CONNECTING
        self.since = time()
        self.reconnects = 0
        self.frames = 0

    @property
    def read(self) -> Stamp | None:
        """When its newest frame was read; None where it is down, or silent for too long."""
        if self.state not in (State.SUBSCRIBING, State.LIVE):
            return None
        silent = stamp_now().steady - self._last.steady
        return self._last if silent < SILENCE_SECONDS * 1e9 else None

    def describe(self) -> dict[str, object]:
        """What `kraken:feed` says of it."""
        return {
            "name": self.name,
            "state": self.state.value,
            "since": rfc3339(int(self.since * 1e9)),
            "last_frame": rfc3339(self._last.unix) if self._last.unix else None,
            "symbols": len(self._books),
            "frames": self.frames,
            "reconnects": self.reconnects,
        }

    async def run(self) -> None:
        """Stay connected, for ever."""
        while True:
            self._enter(State.CONNECTING)
            session = Session(self._books, self._depth)
            reason, error = await self._attempt(session)
            session.close(reason)
            if session.verified:
                self._backoff.reset()
            delay = self._backoff.next()
            self.reconnects += 1
            RECONNECTS.labels(reason).inc()
            self._enter(State.BACKING_OFF, reason=reason, error=error, seconds=round(delay, 1))
            await asyncio.sleep(delay)

    async def _attempt(self, session: Session) -> tuple[str, str]:
        """Converse until it ends; says why, in a word and at length."""
        try:
            async with connect(
                self._url,
                compression=None,
                max_size=MOST_BYTES,
                open_timeout=CONNECT_SECONDS,
                # Kraken's heartbeats tell more than our pings would.
                ping_interval=None,
                close_timeout=0.5,
            ) as websocket:
                self._last = stamp_now()
                self._enter(State.SUBSCRIBING)
                await self._converse(websocket, session)
        except ConnectionClosed as error:
            return "closed", str(error)
        except TimeoutError as error:
            if self.state is State.CONNECTING:
                return "unreachable", str(error)
            return "silent", f"nothing came for {SILENCE_SECONDS:.0f} s"
        except (OSError, InvalidHandshake, InvalidURI) as error:
            return "unreachable", str(error) or type(error).__name__
        raise AssertionError("a conversation ends only by an error")

    async def _converse(self, websocket: ClientConnection, session: Session) -> None:
        session.open(monotonic())
        async with asyncio.timeout(SILENCE_SECONDS) as silence:
            ticker = asyncio.create_task(self._tick(websocket, session, silence))
            try:
                await self._read(websocket, session)
            finally:
                ticker.cancel()
                # What closed the connection is told by the reader.
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await ticker

    async def _read(self, websocket: ClientConnection, session: Session) -> None:
        while True:
            await self._send(websocket, session)
            data = await websocket.recv(decode=False)
            self._last = stamp_now()
            session.receive(data, self._last)
            if self.state is State.SUBSCRIBING and session.complete:
                self._enter(State.LIVE)
            self.frames += 1
            if self.frames % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _tick(
        self, websocket: ClientConnection, session: Session, silence: asyncio.Timeout
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1)
            quiet = (stamp_now().steady - self._last.steady) / 1e9
            silence.reschedule(loop.time() + SILENCE_SECONDS - quiet)
            session.tick(monotonic())
            await self._send(websocket, session)

    async def _send(self, websocket: ClientConnection, session: Session) -> None:
        while session.outgoing:
            await websocket.send(session.outgoing.pop(0))

    def _enter(self, state: State, **facts: object) -> None:
        self.state = state
        self.since = time()
        level = log.warning if state is State.BACKING_OFF else log.info
        level(f"connection {state.value}", name=self.name, url=self._url, **facts)
