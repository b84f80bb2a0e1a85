"""Streams through nginx, HAProxy and Caddy, with the configurations of `deploy/proxies`."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab.reverse_proxies import HOST, PROXIES, Certificates, find_proxy, reverse_proxy
from lab.services import Api
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

INSTALLED = [name for name in PROXIES if find_proxy(name) is not None]
EACH_PROXY = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(name not in INSTALLED, reason=f"no {name} installed")
        )
        for name in PROXIES
    ],
)
SYMBOL = "BTC/USD"
READERS = 4
# The default time-outs are 60 s (nginx) and 50 s (HAProxy as Debian installs it).
SILENCE = 61.0


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Return the certificates of the proxy, which the clients of this process trust."""
    made = Certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


@EACH_PROXY
def test_readers_behind_proxy_resume_without_loss_when_replicas_restart(
    name: str, stage: Stage, certificates: Certificates, tmp_path: Path
) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "100")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL)
    replicas = [stage.api(redis.url, API_TRUSTED_PROXIES="127.0.0.1") for _ in range(2)]
    for replica in replicas:
        replica.wait_until_live(SYMBOL)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    ports = [replica.port for replica in replicas]
    with reverse_proxy(name, ports, certificates, tmp_path) as url, ExitStack() as reading:
        readers = [reading.enter_context(ClientReader(url, SYMBOL)) for _ in range(READERS)]
        wait_for_now(readers, streams)
        for replica in replicas:
            assert replica.stop() == 0
            wait_for_now(readers, streams)
            replica.restart()
            replica.wait_until_live(SYMBOL)
        wait_for_now(readers, streams)
        accounts = [reader.record.account for reader in readers]
        met = sum((account.tally for account in accounts), Tally())
        assert (met.missed, met.uncounted, met.conflated) == (0, 0, 0)
        assert met.interruptions >= READERS
        assert {account.ladder.counts.snapshots for account in accounts} == {1}
        assert_operator_endpoints_are_hidden(url, certificates, replicas)
        assert negotiated(url, certificates) == "h2"


def wait_for_now(readers: list[ClientReader], streams: StoredBooks) -> None:
    """Return when every reader has all events that are published now."""
    end = streams.last_seq(SYMBOL)
    for reader in readers:
        reader.wait_until_live(SYMBOL, after=end - 1)


def assert_operator_endpoints_are_hidden(
    url: str, certificates: Certificates, replicas: list[Api]
) -> None:
    statuses = {}
    for path in ("/healthz", "/readyz", "/metrics", "/books"):
        with opened(url, path, certificates, {"X-Forwarded-For": "203.0.113.9"}) as answer:
            statuses[path] = answer.status
    assert statuses == {"/healthz": 404, "/readyz": 404, "/metrics": 404, "/books": 200}
    wait_until(lambda: any('"/books"' in replica.log for replica in replicas), "it is logged")
    logged = "".join(replica.log for replica in replicas)
    assert "203.0.113.9" not in logged, "the proxy passed on what the client sent"


@contextmanager
def opened(
    url: str, path: str, certificates: Certificates, headers: dict[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to a GET, whose body can be read as it comes."""
    port = urlsplit(url).port
    context = ssl.create_default_context(cafile=certificates.authority)
    connection = http.client.HTTPSConnection(HOST, port, timeout=SILENCE + 20, context=context)
    try:
        connection.request("GET", path, headers=headers or {})
        yield connection.getresponse()
    finally:
        connection.close()


def negotiated(url: str, certificates: Certificates) -> str | None:
    """Return the protocol that the proxy chooses for a client that offers HTTP/2."""
    context = ssl.create_default_context(cafile=certificates.authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((HOST, urlsplit(url).port or 0), 10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as secured,
    ):
        return secured.selected_alpn_protocol()


class SilentApi(ThreadingHTTPServer):
    """An api whose streams send one event, and the second one after a long silence.

    Attributes:
        received: Set when the readers have the first event.

    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SilentStream)
        self.received = threading.Event()


class SilentStream(BaseHTTPRequestHandler):
    """One request; /readyz is ready."""

    protocol_version = "HTTP/1.1"
    server: SilentApi

    def do_GET(self) -> None:
        """Answer with a stream, or as a replica that is ready."""
        self.send_response(200)
        if self.path != "/stream":
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        # These are the headers of the api's streams that proxies look at.
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("X-Accel-Buffering", "no")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        # A proxy that buffers would never let the reader have the first event before the second.
        self.server.received.wait(30)
        threading.Event().wait(SILENCE)
        self.wfile.write(b"data: second\n\n")
        self.close_connection = True

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Log nothing."""


@pytest.mark.skipif(not INSTALLED, reason=f"none installed of {', '.join(PROXIES)}")
def test_proxies_pass_each_event_at_once_and_survive_silence_above_their_default(
    certificates: Certificates, tmp_path: Path
) -> None:
    with SilentApi() as api, ExitStack() as undo:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        undo.callback(api.shutdown)
        answers = {}
        for name in INSTALLED:
            ports = [api.server_port] * 2
            url = undo.enter_context(reverse_proxy(name, ports, certificates, tmp_path))
            answers[name] = undo.enter_context(opened(url, "/stream", certificates))
        first = {name: answer.readline() for name, answer in answers.items()}
        api.received.set()
        assert first == dict.fromkeys(INSTALLED, b"data: first\n")
        rest = {name: answer.read() for name, answer in answers.items()}
        assert rest == dict.fromkeys(INSTALLED, b"\ndata: second\n\n")
