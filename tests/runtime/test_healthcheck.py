"""The program that a container's health check runs, as a process."""

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


async def going(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("going", 503)


APP = Starlette(routes=[Route("/readyz", ready), Route("/going", going)])


@pytest.fixture
async def served() -> AsyncIterator[str]:
    """The base URL of a service."""
    stop = asyncio.Event()
    listener = listen("127.0.0.1", 0, "API_PORT")
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(APP, listener, stop))
    yield f"http://127.0.0.1:{port}"
    stop.set()
    await serving


async def check(*arguments: str) -> tuple[int, str]:
    """What it exits with, and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.healthcheck", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_healthy_is_what_answers_with_200(served: str) -> None:
    assert await check(f"{served}/readyz") == (0, "")


async def test_another_answer_is_not_healthy(served: str) -> None:
    assert await check(f"{served}/going") == (1, "")


async def test_nobody_there_is_not_healthy() -> None:
    with listen("127.0.0.1", 0, "API_PORT") as free:
        port = free.getsockname()[1]
    assert await check(f"http://127.0.0.1:{port}/readyz") == (1, "")


@pytest.mark.parametrize(
    "arguments", [(), ("https://localhost/",), ("127.0.0.1:3000",), ("a", "b")]
)
async def test_what_is_no_url_is_told_with_one_that_is(arguments: tuple[str, ...]) -> None:
    code, said = await check(*arguments)
    assert code == 2
    assert "such as http://127.0.0.1:3000/readyz" in said
