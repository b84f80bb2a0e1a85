"""Each request has one log line, with an id that the client gets too."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
import structlog
from starlette.types import Receive, Scope, Send

from api.delivery.stream_socket import EXTENSION, Socket
from api.http.request_log import CONSOLE_LEVELS, RequestLogger
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Replica


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Capture the service's log as JSON lines."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        configure_logs(parse_levels("info,httpx=warning"), "json")
    # Otherwise loggers would keep this configuration in later tests.
    structlog.configure(cache_logger_on_first_use=False)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("api.request_log").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def requests(out: io.StringIO) -> list[dict[str, Any]]:
    return [line for line in lines(out) if line["event"] == "request"]


async def test_request_is_logged_with_the_id_that_the_client_got(
    replica: Replica, out: io.StringIO
) -> None:
    async with replica.client() as client:
        answer = await client.get("/symbols")
    (line,) = requests(out)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/symbols", 200)
    assert line["bytes"] == len(answer.content)
    assert line["level"] == "info"


async def test_bytes_include_direct_writes_of_a_stream(out: io.StringIO) -> None:
    wire = Mock(spec=asyncio.Transport)
    socket = Socket(wire)
    # Belongs to an earlier request on the same connection.
    socket.write(b"earlier")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        socket.write(b"12345")
        await send({"type": "http.response.body", "body": b"678"})

    scope = {
        "type": "http", "path": "/stream", "method": "GET", "headers": [],
        "extensions": {EXTENSION: {"socket": socket}},
    }  # fmt: skip
    await RequestLogger(app)(scope, AsyncMock(), AsyncMock())
    (line,) = requests(out)
    assert line["bytes"] == 8


async def test_request_ids_are_unique(replica: Replica) -> None:
    async with replica.client() as client:
        ids = {(await client.get("/symbols")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("given", ["abc-123", "a.b:c/d+e=", "x" * 128])
async def test_safe_request_id_of_a_proxy_is_kept(
    replica: Replica, out: io.StringIO, given: str
) -> None:
    async with replica.client() as client:
        answer = await client.get("/symbols", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    assert requests(out)[0]["request_id"] == given


@pytest.mark.parametrize("given", ["x" * 129, "a b", 'a"b', "a\tb", "", "{}"])
async def test_unsafe_request_id_is_replaced(replica: Replica, given: str) -> None:
    async with replica.client() as client:
        answer = await client.get("/symbols", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] not in ("", given)


@pytest.mark.parametrize(
    ("path", "status", "level"), [("/nothing", 404, "info"), ("/depth/NO/PE", 503, "warning")]
)
async def test_refused_request_is_logged_at_the_level_of_its_status(
    replica: Replica, out: io.StringIO, path: str, status: int, level: str
) -> None:
    async with replica.client() as client:
        answer = await client.get(path)
    (line,) = requests(out)
    assert (line["status"], line["request_id"]) == (status, answer.headers["x-request-id"])
    assert line["level"] == level


@pytest.mark.parametrize(
    ("levels", "seen"),
    [
        ("info,httpx=warning", ["/depth/NO/PE"]),
        ("debug,httpx=warning,httpcore=warning", ["/symbols", "/nothing", "/depth/NO/PE"]),
        ("info,httpx=warning,api.request_log=info", ["/symbols", "/nothing", "/depth/NO/PE"]),
    ],
)
async def test_console_shows_requests_that_fail_or_were_chosen(
    replica: Replica, out: io.StringIO, levels: str, seen: list[str]
) -> None:
    with contextlib.redirect_stdout(out):
        configure_logs(parse_levels(levels), "console", console_levels=CONSOLE_LEVELS)
    structlog.configure(cache_logger_on_first_use=False)
    async with replica.client() as client:
        for path in ("/symbols", "/nothing", "/depth/NO/PE"):
            await client.get(path)
    said = [line for line in out.getvalue().splitlines() if " request " in line]
    assert [path for path in seen for line in said if f"path={path} " in line] == seen
    assert len(said) == len(seen)


class BrokenNode(OneNode):
    """A Redis that raises an unexpected exception."""

    async def call(self, key: str, *command: Any) -> Any:
        raise ZeroDivisionError(f"a mistake in {command[0]} of {key}")


async def test_unexpected_exception_is_logged_with_the_id_that_the_client_got(
    redis: RedisNode, out: io.StringIO
) -> None:
    async with Replica(redis, nodes=BrokenNode(redis)).client() as client:
        answer = await client.get("/symbols")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ZeroDivisionError" not in answer.text
    said = lines(out)
    (line,) = [line for line in said if line["event"] == "request"]
    (failure,) = [line for line in said if line["event"] == "request failed"]
    assert "ZeroDivisionError" in failure["exception"]
    assert line["status"] == 500
    assert answer.headers.get("x-request-id") == line["request_id"] == failure["request_id"]


async def test_probes_are_not_logged_at_info(replica: Replica, out: io.StringIO) -> None:
    async with replica.client() as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await client.get(path)).status_code == 200
    assert requests(out) == []


async def test_path_without_slash_is_answered(replica: Replica) -> None:
    """The path of `OPTIONS *` has no slash."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "method": "OPTIONS",
        "path": "*",
        "raw_path": b"*",
        "query_string": b"",
        "headers": [],
        "scheme": "http",
        "server": ("replica", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "http_version": "1.1",
    }
    await replica.app(scope, receive, send)
    assert sent[0]["status"] == 204
