"""Answers of our ports to clients of raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from starlette.types import Receive, Scope, Send

from api.delivery.stream_socket import SocketProtocol
from lab.waiting import DEADLINE, async_wait_until
from runtime.http.limits import HttpLimits
from runtime.http.metrics import HTTP_CONNECTIONS
from runtime.http.protocol import HttpProtocol
from runtime.http.server import listen, serve
from runtime.service import end_tasks

HEAD_BYTES = 64 * 1024
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = 8_000_000

SHORT = HttpLimits(
    head_seconds=0.4,
    idle_seconds=0.4,
    write_seconds=0.4,
    ending_seconds=0.4,
    sweep_seconds=0.05,
)


def open_connections() -> float:
    """Return the value of a metric."""
    (metric,) = HTTP_CONNECTIONS.collect()
    return metric.samples[0].value


class App:
    """Answers of known and unknown length, at once or when they may."""

    def __init__(self) -> None:
        self.clients: list[object] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.clients.append(scope["client"][0])
        path, headers, body = scope["path"], [], b"hello"
        if path == "/slow":
            await self.may_answer.wait()
        if path == "/big":
            body = bytes(BIG)
        if path != "/unframed":
            headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:2], "more_body": True})
        await send({"type": "http.response.body", "body": body[2:]})


class Client:
    """A socket of raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def end(self) -> None:
        self.writer.write_eof()

    async def answer(self) -> tuple[bytes, bytes]:
        """Return head and body of an answer that says how long it is."""
        async with asyncio.timeout(DEADLINE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(DEADLINE):
            parts = []
            with contextlib.suppress(ConnectionError):
                while part := await self.reader.read(65536):
                    parts.append(part)
            return b"".join(parts)

    async def dribble(self, data: bytes) -> bytes:
        """Send `data` again and again until the server has closed; return what came."""
        deadline = monotonic() + DEADLINE
        coming = asyncio.create_task(self.rest())
        while not coming.done():
            assert monotonic() < deadline, "held for ever"
            if data:
                with contextlib.suppress(ConnectionError):
                    await self.send(data)
            await asyncio.wait({coming}, timeout=0.05)
        return coming.result()

    def reset(self) -> None:
        """Be gone, as a process that is killed with unread bytes."""
        sock = self.writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        socket.socket(fileno=socket.dup(sock.fileno())).setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self.writer.transport.abort()


class Server:
    """A server that runs."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.port = port
        self._before = open_connections()
        self._clients: list[Client] = []

    async def connect(self, receive_buffer: int | None = None) -> Client:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        client = Client(*await asyncio.open_connection(sock=sock, limit=2**17))
        self._clients.append(client)
        return client

    async def ask(self, data: bytes) -> bytes:
        """All that comes for `data` until the server closes."""
        client = await self.connect()
        await client.send(data)
        return await client.rest()

    def open_connections(self) -> float:
        return open_connections() - self._before

    async def wait_until_all_are_gone(self) -> None:
        await async_wait_until(lambda: self.open_connections() == 0, "no connection is held")

    def close(self) -> None:
        for client in self._clients:
            client.writer.close()


@asynccontextmanager
async def served(
    limits: HttpLimits | None = None, protocol: type[HttpProtocol] = HttpProtocol
) -> AsyncIterator[Server]:
    listener, stop, app = listen("127.0.0.1", 0, "port"), asyncio.Event(), App()
    server = Server(app, listener.getsockname()[1])
    running = asyncio.create_task(serve(app, listener, stop, protocol=protocol, limits=limits))
    try:
        yield server
        assert not running.done()
    finally:
        server.close()
        app.may_answer.set()
        stop.set()
        await asyncio.wait({running}, timeout=DEADLINE)
        await end_tasks([running])


HELD: dict[str, tuple[bytes, bytes]] = {
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
    "what follows an upgrade": (
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", b"x",
    ),
    "what follows garbage": (b"garbage\r\n\r\n", b"x"),
    "an unread answer": (b"GET /big HTTP/1.1\r\n\r\n", b""),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [HttpProtocol, SocketProtocol])
@pytest.mark.parametrize("what", HELD)
async def test_connection_is_not_held_by_dribbling(what: str, protocol: type[HttpProtocol]) -> None:
    first, again = HELD[what]
    async with served(SHORT, protocol) as server:
        client = await server.connect()
        await client.send(first)
        if what == "an unread answer":
            # Its reader's buffer takes no more than 256 KiB by itself.
            await server.wait_until_all_are_gone()
            return
        came = await client.dribble(again)
        if b"\r\n\r\n" in first and not first.startswith(b"garbage"):
            assert came.startswith(b"HTTP/1.1 200 OK\r\n")
            assert came.partition(b"\r\n\r\n")[2].startswith(b"hello")
        await server.wait_until_all_are_gone()


async def test_client_that_takes_too_long_for_an_answer_is_cut_off() -> None:
    limits = HttpLimits(write_seconds=60, answer_seconds=0.5, sweep_seconds=0.05)
    async with served(limits) as server:
        client = await server.connect(receive_buffer=4096)
        await client.send(b"GET /big HTTP/1.1\r\n\r\n")

        async def gone() -> bool:
            with contextlib.suppress(ConnectionError):
                await client.reader.read(100)
            return server.open_connections() == 0

        await async_wait_until(gone, "cut off, however steadily it reads")


async def test_answer_that_is_read_slowly_survives_the_other_deadlines() -> None:
    limits = HttpLimits(
        head_seconds=0.1, idle_seconds=0.1, ending_seconds=0.1, write_seconds=20,
        sweep_seconds=0.02,
    )  # fmt: skip
    async with served(limits) as server:
        # Its body is not read, so the connection ends after the answer.
        client = await server.connect(receive_buffer=4096)
        await client.send(b"POST /big HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel")
        await asyncio.sleep(0.5)
        head, body = await client.answer()
        assert b"connection: close" in head
        assert len(body) == BIG


def head_of(size: int) -> bytes:
    begin = b"GET / HTTP/1.1\r\na: "
    return begin + b"x" * (size - len(begin) - 4) + b"\r\n\r\n"


def pieces_of(head: bytes, cut: str) -> list[bytes]:
    if cut == "whole":
        return [head]
    if cut == "thousands":
        return [head[i : i + 1000] for i in range(0, len(head), 1000)]
    at = len(head) - int(cut)
    return [head[:at], head[at:]]


@pytest.mark.parametrize("before", ["first", "kept alive", "pipelined"])
@pytest.mark.parametrize("cut", ["whole", "thousands", "1", "2", "3", "4"])
async def test_head_bound_is_exact_however_it_is_cut(before: str, cut: str) -> None:
    async with served() as server:
        for size, status in ((HEAD_BYTES, b"200"), (HEAD_BYTES + 1, b"431")):
            client = await server.connect()
            pieces = pieces_of(head_of(size), cut)
            if before == "kept alive":
                await client.send(GET)
                await client.answer()
            elif before == "pipelined":
                pieces[0] = GET + pieces[0]
            for piece in pieces:
                await client.send(piece)
                await asyncio.sleep(0)
            if before == "pipelined":
                await client.answer()
            head, _ = await client.answer()
            assert head.split()[1] == status, size


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_request_after_a_head_whose_end_is_cut_is_answered(cut: int) -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(GET[:-cut])
        await asyncio.sleep(0.1)
        await client.send(GET[-cut:] + b"GET /big HTTP/1.1\r\n\r\n" + GET)
        lengths = [len((await client.answer())[1]) for _ in range(3)]
        assert lengths == [5, BIG, 5]


MALFORMED = {
    "garbage": b"\x00\xff\x17garbage\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http 0.9": b"GET /\r\n\r\n",
    "http 3": b"GET / HTTP/3.0\r\n\r\n",
    "long method": b"G" * 70_000 + b" / HTTP/1.1\r\n\r\n",
    "connect": b"CONNECT a:443 HTTP/1.1\r\n\r\n",
    "target without path": b"GET http://x HTTP/1.1\r\n\r\n",
    "target with a bad port": b"GET http://x:99999999/ HTTP/1.1\r\n\r\n",
    "nul in target": b"GET /\x00 HTTP/1.1\r\n\r\n",
    "latin in target": b"GET /\xe4 HTTP/1.1\r\n\r\n",
    "nul in value": b"GET / HTTP/1.1\r\na: b\x00\r\n\r\n",
    "bare cr": b"GET / HTTP/1.1\r\na: b\rc\r\n\r\n",
    "bare lf": b"GET / HTTP/1.1\na: b\n\n",
    "folded": b"GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\na : b\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks":
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks within": b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    "signed length": b"GET / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
}  # fmt: skip


@pytest.mark.parametrize("what", MALFORMED)
async def test_malformed_request_gets_a_400_and_the_close(what: str) -> None:
    async with served() as server:
        head, _, text = (await server.ask(MALFORMED[what])).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"connection: close" in head
        assert text == b"This is not a valid HTTP/1.1 request.\n"
        assert server.app.clients == []


async def test_refused_requests_of_a_client_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served() as server:
        for data in (*MALFORMED.values(), *MALFORMED.values()):
            await server.ask(data)
    # Structlog's and the libraries' lines.
    lines = [*capsys.readouterr().out.splitlines(), *(r.getMessage() for r in caplog.records)]
    refused = [line for line in lines if "request refused" in line]
    assert 1 <= len(refused) <= 3
    assert "client=127.0.0.1" in refused[0]
    assert len(lines) == len(refused)


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: %d\r\n\r\n",
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
    ],
)
async def test_body_is_never_taken_for_a_request(head: bytes) -> None:
    head = head % len(GET) if b"%d" in head else head
    async with served() as server:
        came = await server.ask(head + GET)
        assert came.count(b"HTTP/1.1") == 1
        assert b"connection: close" in came
        assert len(server.app.clients) == 1


@pytest.mark.parametrize("path", ["/", "/big", "/slow", "/unframed"])
async def test_half_closed_request_gets_its_whole_answer(path: str) -> None:
    async with served(SHORT) as server:
        client = await server.connect()
        await client.send(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        client.end()
        await asyncio.sleep(0.1)
        server.app.may_answer.set()
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body in (b"hello", bytes(BIG), b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
        await server.wait_until_all_are_gone()


async def test_half_closed_pipeline_gets_every_answer() -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(b"GET /slow HTTP/1.1\r\n\r\n" + GET + GET + b"GET /")
        client.end()
        await asyncio.sleep(0.1)
        server.app.may_answer.set()
        came = await client.rest()
        assert came.count(b"hello") == 3
        await server.wait_until_all_are_gone()


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", GET])
async def test_half_closed_without_a_request_is_closed(sent: bytes) -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(sent)
        if sent == GET:
            await client.answer()
        client.end()
        assert await client.rest() == b""
        await server.wait_until_all_are_gone()


@pytest.mark.parametrize("half_closed_before", [False, True])
async def test_client_that_is_reset_before_its_answer_is_noticed(half_closed_before: bool) -> None:
    async with served(SHORT) as server:
        client = await server.connect()
        await client.send(b"GET /slow HTTP/1.1\r\n\r\n")
        await async_wait_until(lambda: server.app.clients, "the request is there")
        if half_closed_before:
            client.end()
            await asyncio.sleep(0.1)
            assert server.open_connections() == 1
        client.reset()
        await server.wait_until_all_are_gone()


@pytest.mark.parametrize("path", ["/", "/unframed"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("header", ["", "Connection: keep-alive\r\n"])
async def test_http_1_0_gets_plain_bytes_until_the_close(
    path: str, method: str, header: str
) -> None:
    async with served() as server:
        came = await server.ask(f"{method} {path} HTTP/1.0\r\n{header}\r\n".encode() + GET)
        head, _, body = came.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert (b"content-length: 5" in head) == (path == "/")
        assert body == (b"hello" if method == "GET" else b"")


async def test_http_1_1_gets_chunks_and_may_say_that_it_is_done() -> None:
    async with served() as server:
        came = await server.ask(b"GET /unframed HTTP/1.1\r\nConnection: close\r\n\r\n")
        head, _, body = came.partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert b"connection: close" in head
        assert body == b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


async def test_pipelined_requests_wait_until_the_answer_before_is_read() -> None:
    many = 5_000
    async with served() as server:
        client = await server.connect(receive_buffer=4096)
        big = b"GET /big HTTP/1.1\r\n\r\n"
        sending = asyncio.create_task(client.send(big + big + GET * many))

        async def stands_still() -> bool:
            before = len(server.app.clients)
            await asyncio.sleep(0.2)
            return 0 < before == len(server.app.clients)

        await async_wait_until(stands_still, "no more is answered while nothing is read")
        assert len(server.app.clients) <= 2
        for length in (BIG, BIG, *[5] * many):
            assert len((await client.answer())[1]) == length
        await sending


async def test_absolute_target_is_understood() -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(b"GET http://books.example/ HTTP/1.1\r\n\r\n")
        assert (await client.answer())[1] == b"hello"


@pytest.mark.parametrize("value", ["*", "127.0.0.1"])
async def test_environment_lends_no_trust_in_forwarded_addresses(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)
    async with served() as server:
        client = await server.connect()
        await client.send(b"GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
        await client.answer()
        assert server.app.clients == ["127.0.0.1"]
