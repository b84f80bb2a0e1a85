"""Requests: sizes, malformed ones, bodies, pipelining and versions of HTTP."""

from __future__ import annotations

import asyncio

import pytest

from lab.waiting import async_wait_until
from tests.runtime.http.raw_client import BIG_BYTES, GET, served

HEAD_BYTES = 64 * 1024


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
async def test_limit_of_head_size_is_exact_for_any_split(before: str, cut: str) -> None:
    async with served() as server:
        for size, status in ((HEAD_BYTES, b"200"), (HEAD_BYTES + 1, b"431")):
            client = await server.connect()
            pieces = pieces_of(head_of(size), cut)
            if before == "kept alive":
                await client.send(GET)
                await client.read_answer()
            elif before == "pipelined":
                pieces[0] = GET + pieces[0]
            for piece in pieces:
                await client.send(piece)
                await asyncio.sleep(0)
            if before == "pipelined":
                await client.read_answer()
            head, _ = await client.read_answer()
            assert head.split()[1] == status, size


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_request_after_a_split_head_is_answered(cut: int) -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(GET[:-cut])
        await asyncio.sleep(0.1)
        await client.send(GET[-cut:] + b"GET /big HTTP/1.1\r\n\r\n" + GET)
        lengths = [len((await client.read_answer())[1]) for _ in range(3)]
        assert lengths == [5, BIG_BYTES, 5]


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


@pytest.mark.parametrize("case", MALFORMED)
async def test_malformed_request_gets_400_and_is_not_served(case: str) -> None:
    async with served() as server:
        head, _, text = (await server.ask(MALFORMED[case])).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"connection: close" in head
        assert text == b"This is not a valid HTTP/1.1 request.\n"
        assert server.app.clients == []


async def test_refused_requests_of_one_client_log_few_lines(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served() as server:
        for data in (*MALFORMED.values(), *MALFORMED.values()):
            await server.ask(data)
    # The lines of structlog and of libraries.
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
async def test_body_is_never_parsed_as_a_request(head: bytes) -> None:
    head = head % len(GET) if b"%d" in head else head
    async with served() as server:
        answer = await server.ask(head + GET)
        assert answer.count(b"HTTP/1.1") == 1
        assert b"connection: close" in answer
        assert len(server.app.clients) == 1


@pytest.mark.parametrize("path", ["/", "/unframed"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("header", ["", "Connection: keep-alive\r\n"])
async def test_http_1_0_answer_has_no_chunks_and_ends_with_the_close(
    path: str, method: str, header: str
) -> None:
    async with served() as server:
        answer = await server.ask(f"{method} {path} HTTP/1.0\r\n{header}\r\n".encode() + GET)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert (b"content-length: 5" in head) == (path == "/")
        assert body == (b"hello" if method == "GET" else b"")


async def test_http_1_1_answer_has_chunks_and_obeys_connection_close() -> None:
    async with served() as server:
        answer = await server.ask(b"GET /unframed HTTP/1.1\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert b"connection: close" in head
        assert body == b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


async def test_pipelined_request_waits_until_the_answer_before_is_read() -> None:
    many = 5_000
    async with served() as server:
        client = await server.connect(receive_buffer=4096)
        big = b"GET /big HTTP/1.1\r\n\r\n"
        sending = asyncio.create_task(client.send(big + big + GET * many))

        async def is_waiting() -> bool:
            before = len(server.app.clients)
            await asyncio.sleep(0.2)
            return 0 < before == len(server.app.clients)

        await async_wait_until(is_waiting, "no request is served while no answer is read")
        assert len(server.app.clients) <= 2
        for length in (BIG_BYTES, BIG_BYTES, *[5] * many):
            assert len((await client.read_answer())[1]) == length
        await sending


async def test_absolute_target_is_served() -> None:
    async with served() as server:
        client = await server.connect()
        await client.send(b"GET http://books.example/ HTTP/1.1\r\n\r\n")
        assert (await client.read_answer())[1] == b"hello"


@pytest.mark.parametrize("value", ["*", "127.0.0.1"])
async def test_forwarded_address_is_ignored_whatever_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", value)
    async with served() as server:
        client = await server.connect()
        await client.send(b"GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
        await client.read_answer()
        assert server.app.clients == ["127.0.0.1"]
