"""The health check as a process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from runtime.http.server import listen, serve


async def ready(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ready")


async def draining(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("draining", 503)


APP = Starlette(routes=[Route("/readyz", ready), Route("/draining", draining)])


@pytest.fixture
async def served() -> AsyncIterator[str]:
    """The base URL of a running server."""
    stop = asyncio.Event()
    listener = listen("127.0.0.1", 0, "API_PORT")
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(APP, listener, stop))
    yield f"http://127.0.0.1:{port}"
    stop.set()
    await serving


async def check(*arguments: str) -> tuple[int, str]:
    """Run the health check; return its exit code, and its output with that of errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.healthcheck", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_status_200_exits_with_0(served: str) -> None:
    assert await check(f"{served}/readyz") == (0, "")


async def test_status_503_exits_with_1(served: str) -> None:
    assert await check(f"{served}/draining") == (1, "")


async def test_answer_is_shown_whatever_its_status(served: str) -> None:
    assert await check("--show", f"{served}/readyz") == (0, "ready\n")
    assert await check("--show", f"{served}/draining") == (1, "draining\n")


async def test_missing_answer_is_shown() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as free:
        port = free.getsockname()[1]
    assert await check("--show", f"http://127.0.0.1:{port}/") == (1, "no answer within 2 s\n")


async def test_refused_connection_exits_with_1() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as free:
        port = free.getsockname()[1]
    assert await check(f"http://127.0.0.1:{port}/readyz") == (1, "")


@pytest.mark.parametrize(
    "arguments", [(), ("https://localhost/",), ("127.0.0.1:3000",), ("a", "b")]
)
async def test_invalid_url_exits_with_2_and_an_example(arguments: tuple[str, ...]) -> None:
    code, error = await check(*arguments)
    assert code == 2
    assert "such as http://127.0.0.1:3000/readyz" in error
