"""Bodies are compressed as the client prefers, and streams never."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import threading
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.http.compression import Coding, Compression, preferred_coding
from api.http.web_headers import WebHeaders

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = json.dumps([{"symbol": f"C{number}/USD"} for number in range(500)]).encode()
JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip", Coding.GZIP),
        ("gzip, deflate, br, zstd", Coding.ZSTD),
        ("GZIP;Q=1.0", Coding.GZIP),
        ("zstd;q=0.5, gzip", Coding.GZIP),
        ("zstd;q=0, gzip;q=0.1", Coding.GZIP),
        ("gzip;q=0.5, identity;q=0.5", Coding.GZIP),
        ("identity;q=0, gzip;q=0.001", Coding.GZIP),
        ("*", Coding.GZIP),
        ("zstd, *;q=0", Coding.ZSTD),
        ("gzip;q=0", None),
        ("gzip;q=0, *", None),
        ("gzip;q=0.000, zstd;q=0.0", None),
        ("identity", None),
        ("identity, gzip;q=0.9", None),
        ("*;q=0", None),
        ("br, deflate", None),
        ("gzip;q=2", None),
        ("gzip;q=x, zstd;level=3", None),
        ("xgzip", None),
        ("", None),
    ],
)
def test_coding_is_the_one_that_the_client_prefers(accept: str, coding: Coding | None) -> None:
    assert preferred_coding(accept.encode()) is coding


def decoded(answer: httpx.Response, body: bytes) -> bytes:
    coding = answer.headers.get("content-encoding")
    if coding == "zstd":
        return zstd.decompress(body)
    return gzip.decompress(body) if coding == "gzip" else body


async def ask(
    answer: Response, accept: str = "gzip", method: str = "GET", compression: Any = None
) -> tuple[httpx.Response, bytes]:
    """Return the answer, and its body as it was sent."""

    async def route(_request: Request) -> Response:
        return answer

    app = WebHeaders(Starlette(routes=[Route("/", route)]), compression)
    transport = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
        client.stream(method, "/", headers={"Accept-Encoding": accept}) as found,
    ):
        return found, b"".join([part async for part in found.aiter_raw()])


@pytest.mark.parametrize("accept", ["gzip", "zstd", "identity"])
async def test_body_is_compressed_as_asked(accept: str) -> None:
    found, body = await ask(Response(BODY, media_type=JSON), accept)
    assert found.headers.get("content-encoding", "identity") == accept
    assert found.headers["vary"] == "accept-encoding"
    assert int(found.headers["content-length"]) == len(body)
    assert decoded(found, body) == BODY
    assert (len(body) < len(BODY) / 5) is (accept != "identity")


@pytest.mark.parametrize(
    "answer",
    [
        Response(BODY[:2000], media_type=JSON),
        Response(BODY, media_type="image/png"),
        Response(BODY, media_type=JSON, headers={"Content-Encoding": "br"}),
        Response(BODY, 206, media_type=JSON),
        # Such an answer may have a ticket in it.
        Response(BODY, media_type=JSON, headers={"Cache-Control": "no-store"}),
        Response(None, 304, {"ETag": '"x"'}),
    ],
    ids=["short", "picture", "compressed", "part", "no-store", "304"],
)
async def test_other_answers_are_unchanged(answer: Response) -> None:
    before = dict(answer.raw_headers)
    found, body = await ask(answer)
    assert body == answer.body
    assert before.items() <= dict(found.headers.raw).items()


async def test_events_are_sent_as_they_come() -> None:
    async def events() -> Any:
        for _ in range(3):
            yield BODY

    found, body = await ask(StreamingResponse(events(), media_type="text/event-stream"))
    assert body == BODY * 3
    assert not {"content-encoding", "vary"} & set(found.headers)


@pytest.mark.parametrize("accept", ["gzip", "zstd"])
async def test_body_in_parts_is_compressed_part_by_part(accept: str) -> None:
    async def parts() -> Any:
        for _ in range(3):
            yield BODY

    found, body = await ask(StreamingResponse(parts(), media_type="text/javascript"), accept)
    assert decoded(found, body) == BODY * 3
    assert "content-length" not in found.headers


async def test_strong_tag_becomes_weak() -> None:
    found, _ = await ask(Response(BODY, media_type=JSON, headers={"ETag": '"x"'}))
    assert found.headers["etag"] == 'W/"x"'
    found, _ = await ask(Response(BODY, media_type=JSON, headers={"ETag": 'W/"x"'}))
    assert found.headers["etag"] == 'W/"x"'


async def test_head_has_the_headers_of_get_without_an_unknown_length() -> None:
    whole, _ = await ask(Response(BODY, media_type=JSON))
    head, _ = await ask(Response(BODY, media_type=JSON), method="HEAD")
    assert head.headers == whole.headers
    # A file is not read to answer HEAD.
    unread = Response(b"", media_type=JSON, headers={"Content-Length": str(len(BODY))})
    head, _ = await ask(unread, method="HEAD")
    assert head.headers["content-encoding"] == "gzip"
    assert "content-length" not in head.headers


class SlowCompression(Compression):
    """Compresses when it may, and notes its threads."""

    def __init__(self) -> None:
        super().__init__(max_inline_bytes=1000, max_threads=1)
        self.may = threading.Event()
        self.threads: set[int] = set()

    def compressor(self, coding: Coding) -> Any:
        inner = super().compressor(coding)
        outer = self

        class Slow:
            def compress(self, data: bytes) -> bytes:
                outer.may.wait(20)
                outer.threads.add(threading.get_ident())
                return inner.compress(data)

            def flush(self) -> bytes:
                return inner.flush()

        return Slow()


async def test_large_body_is_compressed_in_a_bounded_number_of_threads() -> None:
    compression = SlowCompression()
    large = Response(BODY, media_type=JSON)
    first = asyncio.create_task(ask(large, compression=compression))
    cancelled = asyncio.create_task(ask(large, compression=compression))
    await asyncio.sleep(0)
    cancelled.cancel()
    # The loop is free, and the one thread is busy.
    found, body = await ask(large, compression=compression)
    assert (body, found.headers.get("content-encoding")) == (BODY, None)
    compression.may.set()
    found, body = await first
    assert decoded(found, body) == BODY
    assert threading.get_ident() not in compression.threads
    again, _ = await ask(large, compression=compression)
    assert again.headers["content-encoding"] == "gzip"
