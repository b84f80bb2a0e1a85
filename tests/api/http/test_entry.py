"""Needless slashes, a path before the routes, OPTIONS, and files that browsers look for."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urljoin

import httpx
import pytest

from api.http.routes import Site
from runtime.redis.exchange import RedisNode
from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica


def resolved(path: str, reference: str) -> str:
    """Return the path of a relative reference as RFC 3986 resolves it, with empty segments.

    Python's `urljoin` removes the empty segments of the base, other than browsers.
    """
    found: list[str] = path.split("/")[:-1]
    for segment in reference.split("/"):
        if segment != "..":
            found.append(segment)
        elif len(found) > 1:
            found.pop()
    return "/".join(found)


async def ask(
    replica: Replica, path: bytes, method: str = "GET", query: bytes = b""
) -> tuple[int, dict[bytes, bytes]]:
    """Return status and headers of the answer to a path that no client has normalised."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http", "method": method, "path": unquote(path.decode()), "raw_path": path,
        "query_string": query, "headers": [], "client": ("127.0.0.1", 1), "root_path": "",
        "http_version": "1.1",
    }  # fmt: skip
    await replica.app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/books/", "/books"),
        ("//books", "/books"),
        ("///books//", "/books"),
        ("/depth/BTC/USD/", "/depth/BTC/USD"),
        ("/depth//BTC%2FUSD", "/depth/BTC%2FUSD"),
        ("/stream/", "/stream"),
        ("//", "/"),
        ("//page///page.js", "/page/page.js"),
        ("/depth/evil.com//", "/depth/evil.com"),
    ],
)
@pytest.mark.parametrize("below", ["", "/kraken"])
async def test_needless_slashes_redirect(
    client: httpx.AsyncClient, path: str, right: str, below: str
) -> None:
    answer = await client.get(f"http://replica{path}", params={"levels": "1 é"})
    assert answer.status_code == 308
    location = answer.headers["location"]
    # As a browser resolves it behind a proxy that removes `/kraken`.
    assert resolved(below + path, location) == f"{below}{right}?levels=1+%C3%A9"
    assert answer.text == f"Moved to {location}\n"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        *(b"//evil.com", b"//evil.com/", b"//evil.com/%2e%2e", b"/%5Cevil.com/", b"/\\evil.com/"),
        *(b"///evil.com//", b"//evil.com@books/", b"/.//evil.com/", b"/%09/evil.com/"),
        *(b"//../books", b"/books/..//", b"/page/%2e%2e//page.js", b"/nothing/", b"/page/"),
    ],
)
async def test_slashes_never_redirect_elsewhere(replica: Replica, path: bytes) -> None:
    status, headers = await ask(replica, path)
    assert status == 404
    assert b"location" not in headers


@pytest.mark.parametrize(
    ("path", "location"),
    [
        (b"//depth//evil.com/", b"../../../../depth/evil.com"),
        (b"//depth/\x80\xff//", b"../../../../depth/%80%FF"),
        (b"/depth/https://evil.com/", b"../../../../depth/https:/evil.com"),
    ],
)
async def test_redirect_begins_with_dots_and_is_ascii(
    replica: Replica, path: bytes, location: bytes
) -> None:
    # The path of a scope is decoded, whatever its bytes are.
    status, headers = await ask(replica, path.replace(b"\x80\xff", b"%80%FF"))
    assert (status, headers[b"location"]) == (308, location)


@pytest.mark.parametrize(
    "query",
    [
        "ticket=secret",
        "levels=1&t%69cket=secret",
        "ticket",
        "key=secret",
        "a;ticket=secret",
        "levels=1;key=secret",
    ],
)
async def test_request_with_a_ticket_or_an_unknown_parameter_is_not_redirected(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"http://replica/books/?{query}")
    assert answer.status_code == 404
    assert "secret" not in f"{answer.headers}{answer.text}"


async def test_redirect_keeps_the_method(client: httpx.AsyncClient) -> None:
    answer = await client.post("/books/")
    assert (answer.status_code, answer.headers["location"]) == (308, "../books")


@pytest.fixture
def below(redis: RedisNode) -> Replica:
    return Replica(redis, site=Site(root_path="/kraken/books"))


@pytest.mark.parametrize("prefix", ["", "/kraken/books"])
async def test_root_path_may_be_removed_by_the_proxy_or_not(
    below: Replica, btc: None, prefix: str
) -> None:
    async with below.client() as client:
        assert (await client.get(f"{prefix}/depth/BTC%2FUSD")).json()["symbol"] == "BTC/USD"
        assert (await client.get(f"{prefix}/page/page.js")).status_code == 200
        assert (await client.get(f"{prefix}/")).headers["content-type"].startswith("text/html")
        problem = await client.get(f"{prefix}/depth/NO%2FPE")
        assert problem.json()["instance"] == "/kraken/books/depth/NO%2FPE"
        slash = await client.get(f"{prefix}/books/")
        assert urljoin(str(slash.url), slash.headers["location"]) == f"http://replica{prefix}/books"


async def test_root_path_without_slash_redirects_to_the_page(below: Replica) -> None:
    async with below.client() as client:
        answer = await client.get("/kraken/books", params={"levels": "5"})
        assert (answer.status_code, answer.headers["location"]) == (308, "books/?levels=5")
        target = urljoin("https://example.com/kraken/books", answer.headers["location"])
        assert target == "https://example.com/kraken/books/?levels=5"


async def test_path_that_only_begins_like_the_root_path_is_unknown(below: Replica) -> None:
    async with below.client() as client:
        assert (await client.get("/kraken/bookshelf")).status_code == 404


@pytest.mark.parametrize("path", ["/books", "/depth/BTC/USD", "/stream", "/", "/page/page.js"])
async def test_options_answers_with_the_allowed_methods(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    refused = await client.put(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_options_of_unknown_path_is_a_404(client: httpx.AsyncClient) -> None:
    assert_problem(await client.options("/nothing"), 404, "no-such-route")


async def test_options_of_the_server_answers_with_all_methods(replica: Replica) -> None:
    status, headers = await ask(replica, b"*", "OPTIONS")
    assert (status, headers[b"allow"]) == (204, b"GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_browsers_and_crawlers_find_their_files(
    client: httpx.AsyncClient, method: str
) -> None:
    icon = await client.request(method, "/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
    rules = await client.request(method, "/robots.txt")
    assert (rules.status_code, rules.headers["content-type"]) == (200, "text/plain; charset=utf-8")
