"""Raw HTTP requests to every port: half-closed, with bodies, as HTTP/1.0, and too many."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass

import pytest

from lab.cramped_api import OPEN_FILES
from lab.services import Api, Collector, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_until

SYMBOL = "BTC/USD"


@dataclass
class Scene:
    """Return the HTTP ports of all three services."""

    simulator: SimulatorProcess
    collector: Collector
    api: Api

    def port_of(self, service: str) -> int:
        if service == "simulator":
            assert self.simulator.control is not None
            return self.simulator.control.base_url.port or 0
        return {"api": self.api, "collector": self.collector}[service].port


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", SYMBOL, "--rate", "50", "--control", "0")
    collector = module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL)
    api = module_stage.api(redis.url, API_KEEP_ALIVE="1", API_TRUSTED_PROXIES="127.0.0.0/8")
    api.wait_until_live(SYMBOL)
    return Scene(simulator, collector, api)


@pytest.fixture(scope="module")
def quiet_api(module_stage: Stage) -> Api:
    """Start an api with a live book that does not move."""
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", SYMBOL, "--rate", "500", "--updates", "20")
    module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL)
    api = module_stage.api(redis.url)
    api.wait_until_live(SYMBOL)
    return api


def connect(port: int, data: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(30)
    sock.sendall(data)
    return sock


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    """Return the bytes up to the packet that has `mark`; fail if the connection ends before."""
    came = b""
    while mark not in came:
        part = sock.recv(65536)
        assert part, came
        came += part
    return came


def read_all(sock: socket.socket) -> bytes:
    came = b""
    with contextlib.suppress(ConnectionError):
        while part := sock.recv(65536):
            came += part
    return came


PATHS = [
    ("api", "/depth/BTC/USD"),
    ("api", "/books"),
    ("api", "/"),
    ("api", "/page/page.js"),
    ("api", "/metrics"),
    ("collector", "/healthz"),
    ("collector", "/metrics"),
    ("simulator", "/books"),
    ("simulator", "/connections"),
]


@pytest.mark.parametrize(("service", "path"), PATHS)
def test_half_closed_request_gets_whole_answer_on_every_port(
    scene: Scene, service: str, path: str
) -> None:
    with connect(
        scene.port_of(service), f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    ) as s:
        s.shutdown(socket.SHUT_WR)
        head, _, body = read_all(s).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    assert len(body) == int(length) > 0


@pytest.mark.parametrize("service", ["api", "collector", "simulator"])
def test_unwanted_body_holds_no_connection_on_any_port(scene: Scene, service: str) -> None:
    request = b"GET /books HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nx"
    with connect(scene.port_of(service), request) as s:
        head, _, body = read_all(s).partition(b"\r\n\r\n")
    assert head.split()[1] in (b"200", b"404")
    assert b"connection: close" in head
    assert body


@pytest.mark.parametrize("path", ["/stream/BTC/USD", "/stream?symbols=*", "/stream?view=top"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_half_closed_stream_continues_until_client_is_gone(
    scene: Scene, path: str, version: str
) -> None:
    path += "&symbols=BTC/USD" if path.endswith("top") else ""
    before = scene.api.metric("kraken_book_readers")
    request = f"GET {path} HTTP/{version}\r\nHost: localhost\r\n\r\n"
    with connect(scene.api.port, request.encode()) as s:
        s.shutdown(socket.SHUT_WR)
        came = b""
        while came.count(b"data: ") < 5:
            came += read_until(s, b"data: ")
        assert scene.api.metric("kraken_book_readers") == before + 1
    wait_until(lambda: scene.api.metric("kraken_book_readers") == before, "the reader is gone")


@pytest.mark.parametrize("ending", ["closed", "reset", "half-closed, then reset"])
def test_client_gone_from_quiet_stream_is_noticed(quiet_api: Api, ending: str) -> None:
    sock = connect(quiet_api.port, b"GET /stream/BTC/USD HTTP/1.1\r\nHost: localhost\r\n\r\n")
    read_until(sock, b"data: ")
    assert quiet_api.metric("kraken_book_readers") == 1
    begun = time.monotonic()
    if ending.startswith("half"):
        sock.shutdown(socket.SHUT_WR)
        read_until(sock, b": \n\n")
    if ending.endswith("reset"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    wait_until(lambda: quiet_api.metric("kraken_book_readers") == 0, "the reader is gone")
    # Earlier than by the comment that a quiet stream gets every 15 s.
    assert time.monotonic() - begun < 14


def test_stream_for_http_1_0_is_plain_bytes(scene: Scene) -> None:
    with connect(scene.api.port, b"GET /stream/BTC/USD HTTP/1.0\r\n\r\n") as s:
        head, _, body = read_until(s, b"data: ").partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert body.startswith(b": kraken-book\n\nid: ")


def test_idle_connection_is_kept_for_configured_time(scene: Scene) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(scene.api.port, request) as s:
        read_until(s, b"ok")
        s.sendall(request)
        read_until(s, b"ok")
        assert read_all(s) == b""


def test_request_log_has_client_address_of_trusted_proxy(scene: Scene) -> None:
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Request-ID": "forwarded"}
    scene.api.get("/symbols", headers=headers)
    line = scene.api.wait_for_line("request", request_id="forwarded")
    assert line["client"] == "203.0.113.7"


HOLDING = {
    "bodies": b"GET /stream/BTC/USD/nothing HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\nx",
    "heads": b"GET /healthz HTTP/1.1\r\na: ",
    "idle": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def test_api_with_few_open_files_answers_despite_held_connections(stage: Stage) -> None:
    redis = stage.redis()
    api = stage.api(redis.url, module="lab.cramped_api")
    for request in HOLDING.values():
        held = []
        for _ in range(2 * OPEN_FILES):
            with contextlib.suppress(ConnectionError):
                held.append(connect(api.port, request))
        api.answers("/healthz")
        for sock in held:
            sock.close()
    near = api.wait_for_line("open files near limit")
    assert near["open_files_limit"] == OPEN_FILES
    refused = api.wait_for_line("connection refused")
    assert refused["reason"] == "too many open files"
    assert api.metric("kraken_book_http_refused_total", reason="files") > 0
    assert api.process.poll() is None
    assert "Traceback" not in api.log
    # The refused ones are closed again.
    assert len(api.log.splitlines()) < 60 + len(api.lines("request"))
