"""The api as a site: below a path, for pages of other origins, with a port for operators."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from kraken_book import watch
from lab.balancer import Balancer
from lab.ports import free_port
from lab.services import Api
from lab.sse.stream import SseStream, stream_path
from lab.stage import Stage
from lab.waiting import wait_until
from runtime.healthcheck import is_healthy

SYMBOL = "BTC/USD"
ORIGIN = "https://app.example.com"
OPS_PATHS = ("/healthz", "/readyz", "/metrics")


@dataclass
class Scene:
    """An api with every setting of a site, and a proxy that leaves the path in requests."""

    api: Api
    ops_port: int
    url: str


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Iterator[Scene]:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", SYMBOL, "--rate", "50")
    module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, KRAKEN_DEPTH="100")
    ops_port = free_port()
    api = module_stage.api(
        redis.url,
        API_ROOT_PATH="/kraken",
        API_CORS_ORIGINS=ORIGIN,
        API_OPS_PORT=str(ops_port),
    )
    api.wait_until_live(SYMBOL)
    with Balancer([api], prefix="/kraken", keeps_prefix=True) as balancer:
        wait_until(lambda: balancer.ready, "the replica is ready")
        yield Scene(api, ops_port, f"{balancer.url}/kraken")


def answer_to(port: int, request: bytes) -> bytes:
    """Return the whole answer to the bytes of a request."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def status_of(answer: bytes) -> int:
    return int(answer.split(None, 2)[1])


def test_operator_endpoints_are_on_their_own_port_only(scene: Scene) -> None:
    for path in OPS_PATHS:
        assert scene.api.get(path).status_code == 404
        assert httpx.get(f"http://127.0.0.1:{scene.ops_port}{path}").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{scene.ops_port}/books").status_code == 404
    assert is_healthy("127.0.0.1", scene.ops_port, "/readyz")


@pytest.mark.parametrize("is_ops", [False, True])
def test_both_ports_bound_and_check_requests(scene: Scene, is_ops: bool) -> None:
    port = scene.ops_port if is_ops else scene.api.port
    path = b"/readyz" if is_ops else b"/symbols"

    def status(*fields: bytes) -> int:
        return status_of(answer_to(port, b"GET " + path + b" HTTP/1.1\r\n" + b"".join(fields)))

    assert status(b"Host: localhost:1\r\n\r\n") == 200
    assert status(b"\r\n") == 200
    assert status(b"Host: evil.com\r\n\r\n") == 421
    assert status(b"Host: localhost\r\nHost: evil.com\r\n\r\n") == 400
    assert status(b"Host: localhost\r\na: " + b"a" * 70_000) == 431
    smuggled = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert status(b"Host: localhost\r\n" + smuggled) == 400
    options = answer_to(port, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(options) == 204


def test_page_of_another_origin_reads_a_stream(scene: Scene) -> None:
    headers = {"Origin": ORIGIN, "Accept-Encoding": "gzip, zstd"}
    with SseStream(scene.api.url, stream_path(SYMBOL), headers) as stream:
        assert stream.headers["access-control-allow-origin"] == ORIGIN
        assert "content-encoding" not in stream.headers
        assert stream.headers["x-content-type-options"] == "nosniff"
        events = [
            block.event for block in (stream.next() for _ in range(4)) if block and block.data
        ]
    assert events[0]["kind"] == "snapshot"
    assert len(events) >= 2


def test_body_is_compressed_for_those_who_ask(scene: Scene) -> None:
    path = "/depth/BTC%2FUSD"
    with httpx.stream("GET", scene.api.url + path, headers={"Accept-Encoding": "gzip"}) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    whole = gzip.decompress(body)
    assert b'"symbol":"BTC/USD"' in whole
    assert len(body) < len(whole) / 2


def test_python_client_follows_a_book_below_a_path(scene: Scene) -> None:
    for url in (scene.url, f"{scene.url}/", scene.api.url):
        for book in watch(url, SYMBOL):
            assert book.symbol == SYMBOL
            break
    redirected = httpx.get(f"{scene.url}/depth/BTC/USD/", follow_redirects=True)
    assert redirected.json()["symbol"] == SYMBOL
    assert str(redirected.url) == f"{scene.url}/depth/BTC/USD"
