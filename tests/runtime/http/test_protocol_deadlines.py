"""The ends of connections: deadlines, half-closed connections and resets."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from api.delivery.stream_socket import SocketProtocol
from lab.waiting import async_wait_until
from runtime.http.limits import HttpLimits
from runtime.http.protocol import HttpProtocol
from tests.runtime.http.raw_client import BIG_BYTES, GET, SHORT_LIMITS, served

DRIBBLES: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "a head": (b"GET / HTTP/1.1\r\na: ", b"x"),
    "empty lines": (b"\r\n", b"\r\n"),
    "nothing after an answer": (GET, b""),
    "empty lines after an answer": (GET, b"\r\n"),
    "a head after an answer": (GET + b"GET", b" "),
    "a body": (b"GET / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\nx", b"x"),
    "a body to come": (b"GET / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n", b""),
    "a body after leave": (
        b"POST / HTTP/1.1\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n", b"x",
    ),
    "a chunk": (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", b"x"),
    "a chunk extension": (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nf;x=", b"x"),
    "a trailer": (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ", b"x"),
    "bytes after an upgrade": (
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", b"x",
    ),
    "bytes after garbage": (b"garbage\r\n\r\n", b"x"),
    "an unread answer": (b"GET /big HTTP/1.1\r\n\r\n", b""),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [HttpProtocol, SocketProtocol])
@pytest.mark.parametrize("case", DRIBBLES)
async def test_connection_ends_although_client_dribbles(
    case: str, protocol: type[HttpProtocol]
) -> None:
    first, again = DRIBBLES[case]
    async with served(SHORT_LIMITS, protocol) as server:
        client = await server.connect()
        await client.send(first)
        if case == "an unread answer":
            # The client's stream reads at most 256 KiB into its buffer.
            await server.wait_until_all_closed()
            return
        answer = await client.dribble(again)
        if b"\r\n\r\n" in first and not first.startswith(b"garbage"):
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.partition(b"\r\n\r\n")[2].startswith(b"hello")
        await server.wait_until_all_closed()


async def test_answer_that_is_read_too_slowly_is_aborted() -> None:
    limits = HttpLimits(write_seconds=60, answer_seconds=0.5, sweep_seconds=0.05)
    async with served(limits) as server:
        client = await server.connect(receive_buffer=4096)
        await client.send(b"GET /big HTTP/1.1\r\n\r\n")

        async def is_aborted() -> bool:
            with contextlib.suppress(ConnectionError):
                await client.reader.read(100)
            return server.open_connections() == 0

        await async_wait_until(is_aborted, "the connection is aborted although the client reads")


async def test_answer_that_is_read_slowly_outlasts_the_other_deadlines() -> None:
    limits = HttpLimits(
        head_seconds=0.1, idle_seconds=0.1, ending_seconds=0.1, write_seconds=20,
        sweep_seconds=0.02,
    )  # fmt: skip
    async with served(limits) as server:
        # The request has a body, so the connection ends after the answer.
        client = await server.connect(receive_buffer=4096)
        await client.send(b"POST /big HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel")
        await asyncio.sleep(0.5)
        head, body = await client.read_answer()
        assert b"connection: close" in head
        assert len(body) == BIG_BYTES


@pytest.mark.parametrize("path", ["/", "/big", "/slow", "/unframed"])
async def test_half_closed_connection_gets_a_whole_answer(path: str) -> None:
    async with served(SHORT_LIMITS) as server:
        client = await server.connect()
        await client.send(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        client.end()
        await asyncio.sleep(0.1)
        server.app.may_answer.set()
        head, _, body = (await client.read_rest()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body in (b"hello", bytes(BIG_BYTES), b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
        await server.wait_until_all_closed()


async def test_half_closed_connection_gets_all_pipelined_answers() -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(b"GET /slow HTTP/1.1\r\n\r\n" + GET + GET + b"GET /")
        client.end()
        await asyncio.sleep(0.1)
        server.app.may_answer.set()
        answer = await client.read_rest()
        assert answer.count(b"hello") == 3
        await server.wait_until_all_closed()


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", GET])
async def test_half_closed_connection_without_request_is_closed(sent: bytes) -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(sent)
        if sent == GET:
            await client.read_answer()
        client.end()
        assert await client.read_rest() == b""
        await server.wait_until_all_closed()


@pytest.mark.parametrize("half_closed_before", [False, True])
async def test_reset_before_the_answer_ends_the_connection(half_closed_before: bool) -> None:
    async with served(SHORT_LIMITS) as server:
        client = await server.connect()
        await client.send(b"GET /slow HTTP/1.1\r\n\r\n")
        await async_wait_until(lambda: server.app.clients, "the request has been received")
        if half_closed_before:
            client.end()
            await asyncio.sleep(0.1)
            assert server.open_connections() == 1
        client.reset()
        await server.wait_until_all_closed()
