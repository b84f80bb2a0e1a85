"""The websocket of a connection: what was read together is handed over together, and all of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from collector.kraken.socket import MOST_WAITING, FeedSocket
from tests.polling import eventually

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def socket_to(handler: Handler) -> AsyncIterator[FeedSocket]:
    """A socket to a server that does this."""
    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        async with connect(url, create_connection=FeedSocket, compression=None) as socket:
            assert isinstance(socket, FeedSocket)
            yield socket


async def lots_of(socket: FeedSocket) -> list[list[bytes]]:
    """All messages until the connection ends, as they were read."""
    lots = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            lots.append((await socket.read()).messages)
            # Others have their turn, as the collector lets them.
            await asyncio.sleep(0)
    return lots


async def all_of(socket: FeedSocket) -> list[bytes]:
    """Every message until the connection ends."""
    return [message for lot in await lots_of(socket) for message in lot]


async def test_messages_come_in_their_order_and_those_before_the_end_too() -> None:
    async def sends(websocket: ServerConnection) -> None:
        for number in range(1000):
            await websocket.send(str(number))

    async with socket_to(sends) as socket:
        assert await all_of(socket) == [str(number).encode() for number in range(1000)]


async def test_what_is_read_together_has_one_time_of_reading() -> None:
    async def sends(websocket: ServerConnection) -> None:
        await websocket.send("first")
        await websocket.send("second")
        await websocket.wait_closed()

    async with socket_to(sends) as socket:
        reads = []
        messages: list[bytes] = []
        while len(messages) < 2:
            lot = await socket.read()
            reads.append(lot.read)
            messages += lot.messages
        assert messages == [b"first", b"second"]
        assert reads == sorted(set(reads))


async def test_a_message_in_several_frames_is_one_and_in_its_place() -> None:
    async def sends(websocket: ServerConnection) -> None:
        await websocket.send("before")
        await websocket.send(iter(["in ", "three ", "frames"]))
        await websocket.ping()
        await websocket.send("after")

    async with socket_to(sends) as socket:
        assert await all_of(socket) == [b"before", b"in three frames", b"after"]


async def test_the_end_says_how_it_came() -> None:
    async def leaves(websocket: ServerConnection) -> None:
        await websocket.close(1012, "restarting")

    async with socket_to(leaves) as socket:
        with pytest.raises(ConnectionClosed, match=r"1012.*restarting"):
            await socket.read()


async def test_who_does_not_read_holds_the_sender_up_and_loses_nothing() -> None:
    size, count = 1024, 20_000
    sent = 0

    async def sends(websocket: ServerConnection) -> None:
        nonlocal sent
        for number in range(count):
            await websocket.send(str(number).ljust(size))
            sent += 1

    async with socket_to(sends) as socket:
        seen = [0]

        def stands_still() -> bool:
            seen.append(sent)
            return len(seen) > 20 and seen[-20] == sent > 0

        await eventually(stands_still)
        lots = await lots_of(socket)
        numbers = [int(message) for lot in lots for message in lot]
        assert numbers == list(range(count))
        # And what one read of the system brings at most.
        assert max(map(len, lots)) <= MOST_WAITING + 256 * 1024 // size
