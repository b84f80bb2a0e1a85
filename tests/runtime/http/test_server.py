"""The server until it is stopped, its exit, and the limit of open files."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lab.waiting import async_wait_for
from runtime.http.server import MAX_OPEN_FILES, exit_with, serve
from runtime.listening import PortInUse, listen


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


def test_exit_with_prints_one_line_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        exit_with(PortInUse("API_PORT=3000: cannot listen"))
    assert caught.value.code == 1
    assert capsys.readouterr().err == "API_PORT=3000: cannot listen\n"


@pytest.mark.process
def test_allow_open_files_raises_the_limit_to_the_hard_limit() -> None:
    # In another process, which starts with a low limit.
    lines = [
        "import resource, runtime.http.server as s",
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))",
        "print(s.allow_open_files(), hard)",
    ]
    output = subprocess.check_output([sys.executable, "-c", "\n".join(lines)], text=True)
    allowed, hard = map(int, output.split())
    assert allowed == (MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, 10**6))


async def test_server_serves_until_it_is_stopped() -> None:
    listener, stop = listen("127.0.0.1", 0, "API_PORT"), asyncio.Event()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    serving = asyncio.create_task(serve(APP, listener, stop))
    async with httpx.AsyncClient(verify=False) as client:

        async def answered() -> Any:
            try:
                return await client.get(url)
            except httpx.TransportError:
                return None

        answer = await async_wait_for(answered)
        assert answer.text == "hello"
        assert "server" not in answer.headers
    stop.set()
    await asyncio.wait_for(serving, 20)
    with socket.socket() as late, pytest.raises(ConnectionRefusedError):
        late.connect(("127.0.0.1", int(url.rpartition(":")[2].strip("/"))))


async def test_stop_aborts_unread_answer_without_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener, stop = listen("127.0.0.1", 0, "API_PORT"), asyncio.Event()
    answering = asyncio.Event()

    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        answering.set()
        for _ in range(1000):
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    serving = asyncio.create_task(serve(endless, listener, stop, grace=lambda: 0.3))
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(answering.wait(), 20)
        stop.set()
        await asyncio.wait_for(serving, 20)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
