"""Undocumented parts of uvicorn that `runtime.http.uvicorn_internals` uses.

If one of these tests fails, uvicorn has changed: adapt that module and the range of versions.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from runtime.http.uvicorn_internals import UvicornProtocol
from tests.installed import changed, require_checked_version

METHODS = {
    "connection_made": ["self", "transport"],
    "connection_lost": ["self", "exc"],
    "eof_received": ["self"],
    "data_received": ["self", "data"],
    "pause_writing": ["self"],
    "resume_writing": ["self"],
    "on_message_begin": ["self"],
    "on_headers_complete": ["self"],
    "on_message_complete": ["self"],
    "on_response_complete": ["self"],
}


class Transport(asyncio.Transport):
    """A transport that records writes and whether reading is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_reading_paused = False
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False


class Application:
    """An application that answers with the size of the body when `may_answer` is set."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        received = await receive()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = received.get("body", b"")
        await send({"type": "http.response.body", "body": b"got %d" % len(body)})


class Protocol(UvicornProtocol):
    """A protocol that records the calls of its hooks."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.called: list[str] = []
        self.extensions = {"ours": {}}

    def check_head(self, version: str, target: bytes) -> None:
        self.called.append(f"check_head {version} {target.decode()}")

    def answer_begun(self) -> None:
        self.called.append("answer_begun")

    def request_read(self) -> None:
        self.called.append("request_read")

    def answer_sent(self) -> None:
        self.called.append("answer_sent")


@pytest.fixture
async def application() -> Application:
    return Application()


@pytest.fixture
async def protocol(application: Application) -> AsyncIterator[Protocol]:
    config = uvicorn.Config(cast("Any", application), ws="none", lifespan="off", log_config=None)
    config.load()
    made = Protocol(config, ServerState(), {})
    made.connection_made(Transport())
    yield made
    application.may_answer.set()
    await asyncio.sleep(0.01)


async def answered(protocol: Protocol, application: Application) -> bytes:
    application.may_answer.set()
    await asyncio.sleep(0.01)
    return cast("Transport", protocol.transport).written


def test_installed_uvicorn_is_in_the_checked_range() -> None:
    require_checked_version("uvicorn", "runtime/http/uvicorn_internals.py")


@pytest.mark.parametrize(("name", "parameters"), METHODS.items())
def test_protocol_has_the_methods_that_are_overridden(name: str, parameters: list[str]) -> None:
    method = getattr(HttpToolsProtocol, name, None)
    assert method is not None, changed("uvicorn", f"HttpToolsProtocol has no {name}")
    found = list(inspect.signature(method).parameters)
    assert found == parameters, changed("uvicorn", f"HttpToolsProtocol.{name} takes {found}")


def test_server_captures_signals_in_a_separate_method() -> None:
    is_method = inspect.isfunction(getattr(uvicorn.Server, "capture_signals", None))
    assert is_method, changed("uvicorn", "Server has no capture_signals")


async def test_hooks_are_called_in_the_order_of_a_request(
    protocol: Protocol, application: Application
) -> None:
    protocol.feed(b"GET /books?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert protocol.called == [
        "check_head 1.1 /books?x=1", "answer_begun", "request_read",
    ], changed("uvicorn", "the parser's callbacks come in another order")  # fmt: skip
    assert protocol.scope["extensions"] == {"ours": {}}
    assert (await answered(protocol, application)).endswith(b"got 0\r\n0\r\n\r\n")
    assert protocol.called[-1] == "answer_sent", changed("uvicorn", "nothing follows an answer")
    assert protocol.timeout_keep_alive_task is None


async def test_cycle_has_the_attributes_that_are_set(protocol: Protocol) -> None:
    protocol.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    cycle: Any = protocol.cycle
    assert isinstance(cycle, RequestResponseCycle)
    expected = {
        "keep_alive": True,
        "waiting_for_100_continue": False,
        "more_body": True,
        "transport": protocol.transport,
        "chunked_encoding": None,
        "expected_content_length": 0,
    }
    found = {name: getattr(cycle, name, "missing") for name in expected}
    assert found == expected, changed("uvicorn", "RequestResponseCycle begins otherwise")
    assert isinstance(cycle.message_event, asyncio.Event)


async def test_answer_without_body_ends_the_request_and_calls_close(
    protocol: Protocol, application: Application
) -> None:
    closed = []
    protocol.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    protocol.answer_without_body(lambda: closed.append(True))
    written = await answered(protocol, application)
    assert b"connection: close" in written
    assert b"got 0" in written, changed("uvicorn", "the application still waits for a body")
    assert closed == [True], changed("uvicorn", "a cycle closes another transport than its own")
    assert not protocol.transport.is_closing()


async def test_answer_to_http_1_0_has_no_chunks(
    protocol: Protocol, application: Application
) -> None:
    protocol.feed(b"GET / HTTP/1.0\r\n\r\n")
    written = await answered(protocol, application)
    assert b"chunked" not in written, changed("uvicorn", "chunked_encoding = False is ignored")
    assert written.endswith(b"\r\n\r\ngot 0")


async def test_close_after_answer_closes_the_connection(
    protocol: Protocol, application: Application
) -> None:
    protocol.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    protocol.close_after_answer()
    await answered(protocol, application)
    assert protocol.transport.is_closing(), changed("uvicorn", "keep_alive = False is ignored")


async def test_pause_reading_stops_the_transport_until_resumed(protocol: Protocol) -> None:
    transport = cast("Transport", protocol.transport)
    protocol.pause_reading()
    assert transport.is_reading_paused, changed("uvicorn", "flow.pause_reading does not pause")
    protocol.resume_reading()
    assert not transport.is_reading_paused
