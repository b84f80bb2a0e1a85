"""The connection to Kraken verifies certificates and uses a proxy from the environment."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from lab.connect_proxy import ConnectProxy
from lab.scripted_kraken import ScriptedKraken
from lab.services import Collector
from lab.stage import Stage
from lab.waiting import wait_until

HOST = "ws.kraken.test"
SYMBOL = "BTC/USD"


class Authority:
    """The certificate authority of a test: its file, and the TLS contexts of its servers."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def tls_of(self, host: str) -> ssl.SSLContext:
        """Return the TLS context of a server with this name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def collect(stage: Stage, url: str, **environment: str) -> Collector:
    return stage.collector(stage.redis().url, url, KRAKEN_SYMBOLS=SYMBOL, **environment)


def assert_certificate_refused(collector: Collector, kraken: ScriptedKraken) -> None:
    """Assert that the collector logs the error at each attempt and never connects."""
    collector.wait_for_line("connection failed, backing off", count=2, reason="certificate")
    assert collector.live() == 0
    assert kraken.connections == 0
    assert collector.metric("kraken_book_reconnects_total", reason="certificate") >= 2


def test_certificate_of_known_authority_is_accepted(stage: Stage, authority: Authority) -> None:
    with ScriptedKraken([SYMBOL], tls=authority.tls_of("127.0.0.1")) as kraken:
        collector = collect(stage, kraken.url, SSL_CERT_FILE=str(authority.file))
        collector.wait_until_live(1)


def test_certificate_of_unknown_authority_is_refused(stage: Stage, authority: Authority) -> None:
    with ScriptedKraken([SYMBOL], tls=authority.tls_of("127.0.0.1")) as kraken:
        assert_certificate_refused(collect(stage, kraken.url), kraken)


def test_certificate_of_another_host_is_refused(stage: Stage, authority: Authority) -> None:
    with ScriptedKraken([SYMBOL], tls=authority.tls_of(HOST)) as kraken:
        collector = collect(stage, kraken.url, SSL_CERT_FILE=str(authority.file))
        assert_certificate_refused(collector, kraken)


def test_proxy_from_environment_is_used(stage: Stage, authority: Authority) -> None:
    with (
        ScriptedKraken([SYMBOL], tls=authority.tls_of(HOST)) as kraken,
        ConnectProxy(kraken.port) as proxy,
    ):
        collector = collect(
            stage,
            f"wss://{HOST}/v2",
            SSL_CERT_FILE=str(authority.file),
            HTTPS_PROXY=proxy.url,
        )
        collector.wait_until_live(1)
        assert proxy.asked == [f"{HOST}:443"]


def test_local_feed_bypasses_proxy(stage: Stage) -> None:
    with ScriptedKraken([SYMBOL]) as kraken, ConnectProxy(kraken.port) as proxy:
        collector = collect(stage, kraken.url, HTTP_PROXY=proxy.url, HTTPS_PROXY=proxy.url)
        collector.wait_until_live(1)
        assert proxy.asked == []


def test_unusable_proxy_is_logged_and_tried_again(stage: Stage) -> None:
    collector = collect(stage, f"wss://{HOST}/v2", ALL_PROXY="socks5://127.0.0.1:1")
    collector.wait_for_line("connection failed, backing off", count=2, reason="unreachable")
    assert collector.process.poll() is None


def test_connection_attempts_stay_within_budget(stage: Stage) -> None:
    """Thirty symbols on one connection each exceed a budget of eight."""
    symbols = [f"C{number}/USD" for number in range(30)]
    with ScriptedKraken(symbols) as kraken:
        collector = stage.collector(
            stage.redis().url,
            kraken.url,
            KRAKEN_SYMBOLS=",".join(symbols),
            KRAKEN_SYMBOLS_PER_CONNECTION="1",
            KRAKEN_CONNECTS_PER_10_MIN="8",
        )
        collector.wait_until_live(8)
        collector.wait_for_line("connect budget exhausted", count=22)
        wait_until(lambda: kraken.connections == 8, "the budget is used up")
