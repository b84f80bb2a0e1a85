"""One connection to a server that sends faster than it is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from itertools import count
from time import monotonic_ns

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

import collector.venues.kraken.connection
from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.timestamp import Timestamp
from collector.venues.kraken.connection import TURN_NANOSECONDS, Connection
from collector.venues.kraken.feed_socket import MOST_WAITING
from collector.venues.kraken.lag import LagMemory
from collector.venues.kraken.session import Session, resync_budget
from kraken_book.backoff import Backoff
from lab.polling import end, eventually
from tests.collector.venues.kraken.kraken_side import Market, acknowledged, instruments

HEARTBEAT = Frame(Opcode.TEXT, b'{"channel":"heartbeat"}').serialize(mask=False)


def conversation() -> Session:
    """Of no books."""
    return Session({}, 10, 300.0, resync_budget().join(), LagMemory(), lambda _pairs, _is_all: True)


async def test_it_is_behind_from_a_read_that_brings_too_much_to_one_that_does_not() -> None:
    flood = HEARTBEAT * 2 * MOST_WAITING
    writes: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def write(websocket: ServerConnection) -> None:
        while (data := await writes.get()) is not None:
            websocket.transport.write(data)

    async with serve(write, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = Connection(
            "1", url, SharedBudget(60, 600.0).join(), lambda _books: conversation()
        )

        def is_behind() -> bool:
            return connection.link.is_behind

        async def is_behind_after_a_flood() -> bool:
            # The system may deliver the end of a flood by itself, which is a read of few frames.
            frames = connection.frames + 2 * MOST_WAITING
            writes.put_nowait(flood)
            await eventually(lambda: connection.frames == frames)
            return is_behind()

        running = asyncio.create_task(connection.run())
        await eventually(is_behind_after_a_flood)
        frames = connection.frames
        writes.put_nowait(HEARTBEAT)
        await eventually(lambda: not is_behind())
        assert connection.frames == frames + 1
        writes.put_nowait(flood)
        writes.put_nowait(None)
        await eventually(lambda: connection.reconnects == 1)
        assert not is_behind(), "nothing comes of what has ended"
        await end(running)


class CountedBackoff(Backoff):
    """Waits for next to nothing, and counts how often it was reset."""

    def __init__(self) -> None:
        super().__init__(least=0.001, most=0.002)
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        super().reset()


def open_session(books: Mapping[str, SymbolBook]) -> Session:
    return Session(
        books, 10, 300.0, resync_budget().join(), LagMemory(), lambda _pairs, _is_all: True
    )


async def brings_a_snapshot_and_ends(websocket: ServerConnection) -> None:
    market = Market("BTC/USD")
    async for text in websocket:
        if json.loads(text)["params"]["channel"] == "instrument":
            await websocket.send(instruments("BTC/USD"), text=True)
        else:
            await websocket.send(acknowledged("subscribe", "BTC/USD"), text=True)
            await websocket.send(market.snapshot(), text=True)
            return


@pytest.mark.parametrize(("step", "recovered_after", "resets"), [(3600, 60.0, 0), (-3600, 0.0, 3)])
async def test_step_of_the_wall_clock_neither_makes_nor_hides_a_recovery(
    monkeypatch: pytest.MonkeyPatch, step: int, recovered_after: float, resets: int
) -> None:
    wall = count(1_785_641_751, step)
    module = collector.venues.kraken.connection
    monkeypatch.setattr(module, "time", lambda: next(wall), raising=False)
    monkeypatch.setattr(collector.venues.kraken.connection, "time_ns", lambda: next(wall) * 10**9)
    async with serve(brings_a_snapshot_and_ends, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        backoff, share = CountedBackoff(), SharedBudget(60, 600.0).join()
        connection = Connection("1", url, share, open_session, recovered_after, backoff)
        connection.add(SymbolBook("BTC/USD", 10, "simulated"))
        running = asyncio.create_task(connection.run())
        await eventually(lambda: connection.reconnects >= 3)
        await end(running)
    assert min(backoff.resets, 3) == resets


class SlowSession(Session):
    """One that takes each frame in five steps, each longer than a turn; no frame means anything."""

    def __init__(self, turns: list[int]) -> None:
        super().__init__({}, 10, 300.0, resync_budget().join(), LagMemory(), lambda *_: True)
        self.steps_at: list[int] = []
        self._turns = turns

    def begin(self, data: bytes, read: Timestamp) -> Iterator[None]:  # noqa: ARG002
        for _ in range(5):
            until = monotonic_ns() + 2 * TURN_NANOSECONDS
            while monotonic_ns() < until:
                pass
            self.steps_at.append(self._turns[0])
            yield


async def test_others_have_their_turn_within_a_large_frame() -> None:
    async def sends(websocket: ServerConnection) -> None:
        await websocket.send("large")
        await websocket.wait_closed()

    turns = [0]

    async def takes_turns() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    session = SlowSession(turns)
    async with serve(sends, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = Connection("1", url, SharedBudget(60, 600.0).join(), lambda _books: session)
        running = [asyncio.create_task(each) for each in (connection.run(), takes_turns())]
        await eventually(lambda: connection.frames == 1)
        for task in running:
            await end(task)
    assert len(set(session.steps_at)) == 5, "a turn of the others lies between any two steps"
