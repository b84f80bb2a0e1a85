"""Addresses that a cluster or a Sentinel names: an invalid port reaches no other port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hiredis
import pytest
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import ResponseError

from lab.ports import InvalidPort
from runtime.redis.client import connect_nodes

Reply = Callable[[list[bytes]], bytes]


@asynccontextmanager
async def answering(reply: Reply) -> AsyncIterator[int]:
    """Serve on a port; `OK` is the answer to each command for which `reply` returns nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader()
        with contextlib.closing(writer), contextlib.suppress(asyncio.CancelledError):
            while data := await reader.read(65536):
                commands.feed(data)
                while command := commands.gets():
                    assert isinstance(command, list)
                    writer.write(reply(command) or b"+OK\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("redirection", ["MOVED", "ASK"])
async def test_redirection_to_an_invalid_port_is_returned_as_an_error(redirection: str) -> None:
    with InvalidPort() as port:

        def reply(command: list[bytes]) -> bytes:
            if command[0] == b"CLUSTER":
                return b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % port.number
            if command[0] == b"GET":
                return f"-{redirection} 1 127.0.0.1:{port.number}\r\n".encode()
            return b""

        async with answering(reply) as seed:
            nodes = connect_nodes(f"redis+cluster://127.0.0.1:{seed}?protocol=2")
            with pytest.raises(ResponseError, match=str(port.number)):
                await nodes.call("key", "GET", "key")
            # The topology, which names the port too, was asked for meanwhile.
            await asyncio.wait_for(nodes.ping(), 5.0)
            assert len(nodes.all()) == 1
            await nodes.aclose()
        assert not port.was_reached


async def test_master_at_an_invalid_port_is_not_connected_to() -> None:
    with InvalidPort() as port:
        state = (
            *(b"name", b"books", b"ip", b"127.0.0.1", b"port", b"%d" % port.number),
            *(b"flags", b"master", b"num-other-sentinels", b"0"),
        )
        masters = b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in state)

        def reply(command: list[bytes]) -> bytes:
            if command[0] == b"SENTINEL":
                return b"*1\r\n%%%d\r\n%b" % (len(state) // 2, masters)
            return b""

        async with answering(reply) as sentinel:
            nodes = connect_nodes(f"redis+sentinel://127.0.0.1:{sentinel}/books?protocol=2")
            with pytest.raises(MasterNotFoundError, match=f"{port.number} is no address"):
                await nodes.call("key", "GET", "key")
            await nodes.aclose()
        assert not port.was_reached
