"""The choice between live venues and simulated markets, and the probe of a venue."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Thread

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from launcher.feed import markets_are_simulated, probe_venue

STATUS = '{"channel":"status","type":"update","data":[{"system":"online"}]}'


class TestFeed:
    def test_auto_without_kraken_is_simulated_with_a_warning(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert markets_are_simulated("auto", "kraken", "ws://h", lambda *_: "no route")
        assert capsys.readouterr().out == (
            "!! Kraken cannot be reached (no route): showing SIMULATED markets."
            " Use make run FEED=live to wait for Kraken.\n"
        )

    def test_auto_with_kraken_is_live_without_a_message(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert not markets_are_simulated("auto", "kraken", "ws://h", lambda *_: None)
        assert capsys.readouterr().out == ""

    def test_live_and_simulated_are_not_probed(self) -> None:
        def fail(*_: str) -> None:
            raise AssertionError("Kraken was probed")

        assert not markets_are_simulated("live", "kraken", "ws://h", fail)
        assert markets_are_simulated("simulated", "kraken", "ws://h", fail)


@contextmanager
def server(handler: Callable[[ServerConnection], None], refuse: bool = False) -> Iterator[str]:
    """Serve websockets in a thread; yield the URL."""

    def process_request(_connection: ServerConnection, _request: Request) -> Response | None:
        status = HTTPStatus.FORBIDDEN
        return Response(status, status.phrase, Headers()) if refuse else None

    with serve(handler, "127.0.0.1", 0, process_request=process_request) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}/v2"


def read_until_closed(connection: ServerConnection) -> None:
    for _ in connection:
        pass


class TestProbe:
    @pytest.mark.process
    def test_probe_succeeds_when_kraken_sends_its_status(self) -> None:
        def send_status(connection: ServerConnection) -> None:
            connection.send('{"channel":"heartbeat"}')
            connection.send(STATUS)
            read_until_closed(connection)

        with server(send_status) as url:
            assert probe_venue("kraken", url) is None

    @pytest.mark.process
    def test_probe_times_out_without_a_status(self) -> None:
        with server(read_until_closed) as url:
            assert probe_venue("kraken", url, timeout=0.7) == "no answer within 0.7 s"

    @pytest.mark.process
    def test_handshake_is_the_answer_of_a_venue_that_sends_nothing_by_itself(self) -> None:
        with server(read_until_closed) as url:
            assert probe_venue("binance", url) is None

    @pytest.mark.process
    def test_probe_times_out_without_a_handshake(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"ws://127.0.0.1:{listening.getsockname()[1]}/v2"
            assert probe_venue("kraken", url, timeout=0.7) == "no answer within 0.7 s"

    @pytest.mark.process
    def test_probe_fails_if_connection_is_closed_without_a_status(self) -> None:
        with server(lambda connection: connection.close()) as url:
            assert probe_venue("kraken", url) == "the connection was closed without a status"

    @pytest.mark.process
    def test_probe_fails_if_nothing_listens(self) -> None:
        reason = probe_venue("kraken", "ws://127.0.0.1:1/v2")
        assert reason is not None
        assert "refused" in reason or "Connect call failed" in reason

    @pytest.mark.process
    def test_probe_fails_with_the_status_of_a_refused_handshake(self) -> None:
        with server(read_until_closed, refuse=True) as url:
            reason = probe_venue("kraken", url)
        assert reason is not None
        assert "403" in reason

    @pytest.mark.process
    @pytest.mark.parametrize("url", ["https://kraken.test/", "nonsense"])
    def test_probe_fails_with_an_invalid_url(self, url: str) -> None:
        reason = probe_venue("kraken", url)
        assert reason is not None
        assert url in reason

    @pytest.mark.process
    def test_probe_uses_the_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as proxy:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
            monkeypatch.delenv("no_proxy", raising=False)
            reasons: list[str | None] = []
            probe = Thread(
                target=lambda: reasons.append(probe_venue("kraken", "wss://kraken.test/v2"))
            )
            probe.start()
            connection, _ = proxy.accept()
            with connection:
                assert connection.recv(100).startswith(b"CONNECT kraken.test:443 ")
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            probe.join()
        assert reasons[0] is not None
        assert "502" in reasons[0]
