"""Every answer has the headers that protect browsers, once."""

from __future__ import annotations

from unittest.mock import AsyncMock

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from api.http.web_headers import WebHeaders


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", "/depth/BTC/USD", 200), ("GET", "/books", 200), ("HEAD", "/stream/BTC/USD", 200)),
        *(("GET", "/metrics", 200), ("GET", "/robots.txt", 200), ("GET", "/books/", 308)),
        *(("GET", "/depth/NO/PE", 404), ("POST", "/books", 405), ("OPTIONS", "/books", 204)),
    ],
)
async def test_data_has_no_rights_in_a_browser(
    client: httpx.AsyncClient, btc: None, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    headers = answer.headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    is_stream = headers.get("content-type", "").startswith("text/event-stream")
    assert headers.get("vary") == (None if is_stream else "accept-encoding")


@pytest.mark.parametrize("path", ["/", "/page/data/worker.js", "/page/favicon.svg"])
async def test_page_may_load_its_own_files_only(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "frame-ancestors 'self'", "base-uri 'none'"} <= set(policy)
    assert "unsafe" not in headers["content-security-policy"]
    if path == "/":
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "SAMEORIGIN"


async def test_304_has_the_headers_for_caches_of_its_200(
    client: httpx.AsyncClient, btc: None
) -> None:
    for path in ("/depth/BTC/USD", "/books", "/symbols", "/page/page.js"):
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        for name in ("etag", "vary", "cache-control"):
            assert again.headers[name] == first.headers[name]


async def test_header_of_the_application_is_kept() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/html"), (b"content-security-policy", b"own")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": []}
    await WebHeaders(app)(scope, AsyncMock(), send)
    headers = sent[0]["headers"]
    assert len(headers) == len(dict(headers))
    assert dict(headers)[b"content-security-policy"] == b"own"
