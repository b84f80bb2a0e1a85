from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Thread

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from launcher.feed import why_unreachable

pytestmark = pytest.mark.process

STATUS = '{"channel":"status","type":"update","data":[{"system":"online"}]}'


@contextmanager
def server(answer: Callable[[ServerConnection], None], refuse: bool = False) -> Iterator[str]:
    def refused(_connection: ServerConnection, _request: Request) -> Response | None:
        status = HTTPStatus.FORBIDDEN
        return Response(status, status.phrase, Headers()) if refuse else None

    with serve(answer, "127.0.0.1", 0, process_request=refused) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}/v2"


def until_closed(connection: ServerConnection) -> None:
    for _ in connection:
        pass


def test_it_answers_with_its_status() -> None:
    def answer(connection: ServerConnection) -> None:
        connection.send('{"channel":"heartbeat"}')
        connection.send(STATUS)
        until_closed(connection)

    with server(answer) as url:
        assert why_unreachable(url) is None


def test_a_connection_without_a_status_is_not_enough() -> None:
    with server(until_closed) as url:
        assert why_unreachable(url, timeout=0.7) == "no answer within 0.7 s"


def test_a_server_that_does_not_even_shake_hands() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        before = time.monotonic()
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/v2"
        assert why_unreachable(url, timeout=0.7) == "no answer within 0.7 s"
        assert time.monotonic() - before < 4


def test_a_closed_connection() -> None:
    with server(lambda connection: connection.close()) as url:
        assert why_unreachable(url) == "it closed the connection without a word"


def test_nobody_there() -> None:
    reason = why_unreachable("ws://127.0.0.1:1/v2")
    assert reason is not None
    assert "refused" in reason or "Connect call failed" in reason


def test_a_refusal() -> None:
    with server(until_closed, refuse=True) as url:
        reason = why_unreachable(url)
    assert reason is not None
    assert "403" in reason


@pytest.mark.parametrize("url", ["https://kraken.test/", "nonsense"])
def test_an_address_that_is_none(url: str) -> None:
    reason = why_unreachable(url)
    assert reason is not None
    assert url in reason


def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        reasons: list[str | None] = []
        asking = Thread(target=lambda: reasons.append(why_unreachable("wss://kraken.test/v2")))
        asking.start()
        connection, _ = proxy.accept()
        with connection:
            assert connection.recv(100).startswith(b"CONNECT kraken.test:443 ")
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        asking.join()
    assert reasons[0] is not None
    assert "502" in reasons[0]
