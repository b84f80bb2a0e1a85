"""An application served beside other tasks, ended by the service; and ports that are taken."""

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
from runtime.http.server import (
    MAX_OPEN_FILES,
    PortInUse,
    exit_with,
    listen,
    serve,
)


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


def test_port_in_use_is_reported_with_its_setting() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            listen("127.0.0.1", port, "API_PORT")
    message = str(caught.value)
    assert message.startswith(f"API_PORT={port}: cannot listen on 127.0.0.1:{port}")
    assert "set API_PORT to a free port" in message


def test_foreign_address_is_reported_with_its_setting() -> None:
    with pytest.raises(PortInUse, match="COLLECTOR_PORT=9820: cannot listen on 192"):
        listen("192.0.2.1", 9820, "COLLECTOR_PORT")


def test_unknown_host_is_reported_with_its_setting() -> None:
    with pytest.raises(PortInUse, match="API_PORT=3000"):
        listen("no such host.invalid", 3000, "API_PORT")


def test_exit_with_ends_the_process_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        exit_with(PortInUse("API_PORT=3000: cannot listen"))
    assert caught.value.code == 1
    assert capsys.readouterr().err == "API_PORT=3000: cannot listen\n"


def test_port_is_free_after_its_listener_is_closed() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as first:
        port = first.getsockname()[1]
    with listen("127.0.0.1", port, "API_PORT") as second:
        assert second.getsockname()[1] == port


@pytest.mark.process
def test_allow_open_files_raises_the_limit_to_that_of_the_system() -> None:
    # In a process of its own, which like many is given few at first.
    lines = [
        "import resource, runtime.http.server as s",
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))",
        "print(s.allow_open_files(), hard)",
    ]
    said = subprocess.check_output([sys.executable, "-c", "\n".join(lines)], text=True)
    allowed, hard = map(int, said.split())
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


async def test_stop_cuts_off_a_client_that_does_not_read_without_a_trace_in_the_log(
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
