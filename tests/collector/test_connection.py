"""One connection to a server that sends faster than it is read."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from collector.budget import SharedBudget
from collector.kraken.connection import Connection
from collector.kraken.lag import LagMemory
from collector.kraken.session import Session, resync_budget
from collector.kraken.socket import MOST_WAITING
from tests.polling import end, eventually

HEARTBEAT = Frame(Opcode.TEXT, b'{"channel":"heartbeat"}').serialize(mask=False)


def conversation() -> Session:
    """Of no books."""
    return Session({}, 10, 300.0, resync_budget().join(), LagMemory(), lambda _pairs, _is_all: True)


async def test_it_is_behind_from_a_read_that_brings_too_much_to_one_that_does_not() -> None:
    goes_on, leaves = asyncio.Event(), asyncio.Event()

    async def floods(websocket: ServerConnection) -> None:
        websocket.transport.write(HEARTBEAT * 2 * MOST_WAITING)
        await goes_on.wait()
        websocket.transport.write(HEARTBEAT)
        await leaves.wait()
        websocket.transport.write(HEARTBEAT * 2 * MOST_WAITING)

    async with serve(floods, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = Connection(
            "1", url, SharedBudget(60, 600.0).join(), lambda _books: conversation()
        )

        def is_behind() -> bool:
            return connection.is_behind

        running = asyncio.create_task(connection.run())
        await eventually(lambda: connection.frames == 2 * MOST_WAITING)
        assert is_behind()
        goes_on.set()
        await eventually(lambda: not is_behind())
        assert connection.frames == 2 * MOST_WAITING + 1
        leaves.set()
        await eventually(lambda: connection.reconnects == 1)
        assert not is_behind(), "nothing comes of what has ended"
        await end(running)
