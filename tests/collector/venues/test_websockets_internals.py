"""The undocumented parts of websockets that `websockets_internals` relies on.

If a test fails here, websockets has changed: read its changelog, then adapt that module and the
range in `pyproject.toml`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from collector.venues.websockets_internals import InterceptedConnection
from lab.waiting import async_wait_until
from tests.installed import changed, require_checked_version

METHODS = {
    "data_received": ["self", "data"],
    "eof_received": ["self"],
    "connection_lost": ["self", "exc"],
    "process_event": ["self", "event"],
}


class Hooked(InterceptedConnection):
    """Records the calls of its hooks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bytes = b""
        self.called: list[object] = []

    def bytes_received(self, data: bytes) -> None:
        self.bytes += data
        super().bytes_received(data)

    def data_frame_received(self, data: bytes, *, is_last: bool) -> None:
        self.called.append((data, is_last))

    def control_frame_received(self) -> None:
        self.called.append("control frame")

    def before_eof(self) -> None:
        self.called.append("before eof")

    def ended(self) -> None:
        self.called.append("ended")


@asynccontextmanager
async def hooked() -> AsyncIterator[tuple[Hooked, ServerConnection]]:
    """Connect to an idle server, and yield both ends."""
    ends: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def idle(websocket: ServerConnection) -> None:
        ends.put_nowait(websocket)
        await websocket.wait_closed()

    async with serve(idle, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(url, create_connection=Hooked, compression=None) as connection:
            assert isinstance(connection, Hooked)
            yield connection, await ends.get()


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=False)


def test_installed_websockets_is_in_the_checked_range() -> None:
    require_checked_version("websockets", "collector/venues/websockets_internals.py")


@pytest.mark.parametrize(("name", "parameters"), METHODS.items())
def test_connection_has_the_methods_that_are_overridden(name: str, parameters: list[str]) -> None:
    method = getattr(ClientConnection, name, None)
    assert method is not None, changed("websockets", f"ClientConnection has no {name}")
    found = list(inspect.signature(method).parameters)
    assert found == parameters, changed("websockets", f"ClientConnection.{name} takes {found}")


async def test_handshake_answer_calls_the_bytes_hook_and_no_frame_hook() -> None:
    async with hooked() as (connection, _):
        assert connection.bytes.startswith(b"HTTP/1.1 101 "), changed(
            "websockets", "the handshake's answer does not pass data_received"
        )
        assert connection.called == []


async def test_frames_are_processed_before_data_received_returns() -> None:
    async with hooked() as (connection, _):
        begun = frame(Opcode.TEXT, b"in ", fin=False)
        connection.pass_on(begun + frame(Opcode.CONT, b"parts") + frame(Opcode.PONG, b"x"))
        assert connection.called == [(b"in ", False), (b"parts", True), "control frame"], changed(
            "websockets", "process_event is not called within data_received"
        )


async def test_recv_returns_no_intercepted_frame() -> None:
    async with hooked() as (connection, _):
        connection.pass_on(frame(Opcode.TEXT, b"kept"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.recv()


async def test_websockets_answers_a_ping_that_was_passed_on() -> None:
    async with hooked() as (connection, server):
        await asyncio.wait_for(await server.ping(), 20)
        assert connection.called == ["control frame"]


async def test_transport_and_loop_are_those_of_asyncio() -> None:
    async with hooked() as (connection, _):
        assert isinstance(connection.transport, asyncio.Transport)
        assert connection.loop is asyncio.get_running_loop()
        assert not connection.is_closing


async def test_paused_reading_continues_after_resume() -> None:
    async with hooked() as (connection, server):
        connection.pause_reading()
        await server.send("late")
        await asyncio.sleep(0.05)
        assert connection.called == [], changed("websockets", "it resumes reading automatically")
        connection.resume_reading()
        await async_wait_until(lambda: connection.called == [(b"late", True)])


async def test_end_of_the_stream_calls_its_hooks_and_ends_recv() -> None:
    async with hooked() as (connection, server):
        await server.close()
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        await connection.wait_closed()
        assert connection.called[-1] == "ended"
        assert "before eof" in connection.called, changed("websockets", "eof_received is not used")


def test_server_connection_writes_in_the_method_that_the_simulator_mutes() -> None:
    method = getattr(ServerConnection, "send_data", None)
    assert method is not None, changed("websockets", "ServerConnection has no send_data")
    found = list(inspect.signature(method).parameters)
    assert found == ["self"], changed("websockets", f"ServerConnection.send_data takes {found}")
