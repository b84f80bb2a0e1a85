"""A connection to a server: its states, its link, its recovery, and yielding to other tasks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from time import monotonic_ns
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.lag import FeedLag, LagMemory
from collector.feed.link import Link
from collector.feed.room import Room
from collector.feed.timestamp import Timestamp
from collector.feed.venue import ConnectionState
from collector.venues.connection import YIELD_INTERVAL_NS, FeedConnection
from collector.venues.feed_socket import MAX_WAITING
from collector.venues.kraken.session import KrakenSession
from collector.venues.session import RequestsUnanswered
from kraken_book.backoff import Backoff
from lab.waiting import async_wait_until, cancel
from tests.collector.venues.kraken.kraken_side import (
    BTC,
    Market,
    acknowledged,
    instruments,
)

HEARTBEAT = Frame(Opcode.TEXT, b'{"channel":"heartbeat"}').serialize(mask=False)


def open_session(books: Mapping[str, SymbolBook]) -> KrakenSession:
    resyncs = SharedBudget(50, 10.0).join()
    return KrakenSession(books, 10, 300.0, resyncs, LagMemory(), lambda _pairs, _is_all: True)


@asynccontextmanager
async def connected(
    handler: Callable[[ServerConnection], Awaitable[None]],
    session: Callable[[Mapping[str, SymbolBook]], KrakenSession] = open_session,
    symbols: tuple[str, ...] = (),
    **options: Any,
) -> AsyncIterator[FeedConnection]:
    """Run a connection that carries `symbols` to a server with this handler."""
    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        share = SharedBudget(60, 600.0).join()
        connection = FeedConnection("1", url, share, session, **options)
        for symbol in symbols:
            connection.add(SymbolBook(symbol, 10, "simulated", connection.link))
        running = asyncio.create_task(connection.run())
        yield connection
        await cancel(running)


async def answer_until_snapshot(websocket: ServerConnection) -> None:
    """Answer until a snapshot has been sent."""
    async for text in websocket:
        if json.loads(text)["params"]["channel"] == "instrument":
            await websocket.send(instruments(BTC), text=True)
        else:
            await websocket.send(acknowledged("subscribe", BTC), text=True)
            await websocket.send(Market(BTC).snapshot(), text=True)
            return


async def test_connection_is_live_with_its_books_and_backs_off_after_its_end() -> None:
    ends = asyncio.Event()

    async def handle(websocket: ServerConnection) -> None:
        await answer_until_snapshot(websocket)
        await ends.wait()

    async with connected(handle, symbols=(BTC,)) as connection:
        seen = [(connection.state, connection.link.last_frame_at is None)]
        book = connection.books[BTC]
        await async_wait_until(lambda: connection.state is ConnectionState.LIVE)
        assert book.is_live
        seen.append((connection.state, connection.link.last_frame_at is None))
        ends.set()
        await async_wait_until(lambda: connection.state is ConnectionState.BACKING_OFF)
        seen.append((connection.state, connection.link.last_frame_at is None))
        assert (book.status, book.reason) == ("syncing", "closed")
    assert seen == [
        (ConnectionState.BACKING_OFF, True),
        (ConnectionState.LIVE, False),
        (ConnectionState.BACKING_OFF, True),
    ]


async def test_connection_backs_off_from_an_address_that_does_not_answer() -> None:
    connection = FeedConnection(
        "1", "ws://127.0.0.1:1", SharedBudget(60, 600.0).join(), open_session
    )
    book = SymbolBook(BTC, 10, "simulated", connection.link)
    connection.add(book)
    running = asyncio.create_task(connection.run())
    await async_wait_until(lambda: connection.reconnects == 1)
    assert connection.state is ConnectionState.BACKING_OFF
    assert (book.status, book.reason) == ("asked", "unreachable")
    await cancel(running)


class UnansweredSession(KrakenSession):
    """A session whose first tick finds that its requests are not answered."""

    def tick(self, now: float) -> None:  # noqa: ARG002
        raise RequestsUnanswered("no answer")


async def test_connection_of_a_session_without_answers_is_opened_again() -> None:
    async def handle(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    def open_unanswered(books: Mapping[str, SymbolBook]) -> KrakenSession:
        resyncs = SharedBudget(50, 10.0).join()
        return UnansweredSession(books, 10, 300.0, resyncs, LagMemory(), lambda *_: True)

    async with connected(handle, open_unanswered, (BTC,)) as connection:
        book = connection.books[BTC]
        await async_wait_until(lambda: connection.reconnects == 1)
        assert connection.state is ConnectionState.BACKING_OFF
        assert book.reason == "unanswered"


async def test_link_is_behind_from_a_large_batch_until_a_small_one_or_the_end() -> None:
    flood = HEARTBEAT * 2 * MAX_WAITING
    writes: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def handle(websocket: ServerConnection) -> None:
        while (data := await writes.get()) is not None:
            websocket.transport.write(data)

    async with connected(handle) as connection:

        def is_behind() -> bool:
            return connection.link.is_behind

        async def is_behind_after_a_flood() -> bool:
            # The last read of a flood may have few frames, so the flood is repeated.
            frames = connection.frames + 2 * MAX_WAITING
            writes.put_nowait(flood)
            await async_wait_until(lambda: connection.frames == frames)
            return is_behind()

        await async_wait_until(is_behind_after_a_flood)
        frames = connection.frames
        writes.put_nowait(HEARTBEAT)
        await async_wait_until(lambda: not is_behind())
        assert connection.frames == frames + 1
        writes.put_nowait(flood)
        writes.put_nowait(None)
        await async_wait_until(lambda: connection.reconnects == 1)
        assert not is_behind(), "the connection has ended"


class CountedBackoff(Backoff):
    """A backoff with very short delays that counts its resets."""

    def __init__(self) -> None:
        super().__init__(least=0.001, most=0.002)
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        super().reset()


@pytest.mark.parametrize(("step", "recovered_after", "resets"), [(3600, 60.0, 0), (-3600, 0.0, 3)])
async def test_step_of_the_wall_clock_does_not_change_the_recovery(
    step: int, recovered_after: float, resets: int
) -> None:
    wall = count(1_785_641_751, step)

    def clock() -> Timestamp:
        return Timestamp(next(wall) * 10**9, monotonic_ns())

    backoff = CountedBackoff()
    async with connected(
        answer_until_snapshot,
        symbols=(BTC,),
        recovered_after=recovered_after,
        backoff=backoff,
        clock=clock,
    ) as connection:
        await async_wait_until(lambda: connection.reconnects >= 3)
    assert min(backoff.resets, 3) == resets


class SlowSession(KrakenSession):
    """A session that takes five steps for each frame, each longer than the yield interval."""

    def __init__(self, turns: list[int]) -> None:
        super().__init__({}, 10, 300.0, SharedBudget(50, 10.0).join(), LagMemory(), lambda *_: True)
        self.steps_at: list[int] = []
        self._turns = turns

    def begin(self, data: bytes, read_at: Timestamp) -> Iterator[None]:  # noqa: ARG002
        for _ in range(5):
            until = monotonic_ns() + 2 * YIELD_INTERVAL_NS
            while monotonic_ns() < until:
                pass
            self.steps_at.append(self._turns[0])
            yield


class ControlledRoom(Room):
    """A room that pauses each connection until the test lets it go on.

    Attributes:
        waits: Number of waits that have begun.
    """

    def __init__(self, frames_at_once: int) -> None:
        super().__init__()
        self.frames_at_once = frames_at_once
        self.waits = 0
        self._goes_on = asyncio.Semaphore(0)

    def go_on(self, waits: int = 1) -> None:
        """End as many waits."""
        for _ in range(waits):
            self._goes_on.release()

    async def wait(self, link: Link, lag: FeedLag) -> None:  # noqa: ARG002
        """Wait until the test calls `go_on`."""
        self.waits += 1
        await self._goes_on.acquire()


class CountingSession(KrakenSession):
    """A session that counts frames."""

    def __init__(self) -> None:
        super().__init__({}, 10, 300.0, SharedBudget(50, 10.0).join(), LagMemory(), lambda *_: True)
        self.frames = 0

    def begin(self, data: bytes, read_at: Timestamp) -> None:  # noqa: ARG002
        self.frames += 1


async def test_connection_asks_for_room_before_each_part_of_a_batch() -> None:
    async def handle(websocket: ServerConnection) -> None:
        websocket.transport.write(HEARTBEAT * 10)
        await websocket.wait_closed()

    room, session = ControlledRoom(frames_at_once=4), CountingSession()
    async with connected(handle, lambda _books: session, room=room) as connection:
        await async_wait_until(lambda: room.waits == 1)
        connected_at = connection.link.last_frame_at
        seen = [session.frames]
        for waits in (2, 3):
            room.go_on()
            await async_wait_until(lambda waits=waits: room.waits == waits)  # type: ignore[misc]
            seen.append(session.frames)
        assert connection.link.last_frame_at == connected_at, "frames that wait confirm no book"
        room.go_on()
        await async_wait_until(lambda: session.frames == 10)
        await async_wait_until(lambda: connection.frames == 10)
        assert connection.link.last_frame_at not in (None, connected_at)
    assert seen == [0, 4, 8]


async def test_paused_connection_sends_its_requests_and_ends_with_its_task() -> None:
    received: list[str | bytes] = []

    async def handle(websocket: ServerConnection) -> None:
        await websocket.send(HEARTBEAT, text=True)
        async for message in websocket:
            received.append(message)  # noqa: PERF401 - while they arrive

    room, session = ControlledRoom(frames_at_once=4), CountingSession()
    async with connected(handle, lambda _books: session, room=room):
        await async_wait_until(lambda: room.waits)
        before = len(received)
        session.requests.ask_instruments(again=True)
        await async_wait_until(lambda: len(received) > before)
    assert session.frames == 0


async def test_large_frame_yields_to_other_tasks() -> None:
    async def handle(websocket: ServerConnection) -> None:
        await websocket.send("large")
        await websocket.wait_closed()

    turns = [0]

    async def take_turns() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    session = SlowSession(turns)
    async with connected(handle, lambda _books: session) as connection:
        others = asyncio.create_task(take_turns())
        await async_wait_until(lambda: connection.frames == 1)
        await cancel(others)
    assert len(set(session.steps_at)) == 5, "other tasks ran between any two steps"
