"""Proxies and certificates from environment variables."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from kraken_book import ProxyFailed, TimedOut, TlsFailed, get_symbols, watch
from kraken_book.client.environment import proxy_for
from kraken_book.client.failure import failure_of
from lab.canned_api import HOLD, CannedApi, answer, sse_events, stream
from lab.ports import InvalidPort
from lab.written_books import SYMBOL, snapshot

ELSEWHERE = "http://192.0.2.2:3000"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("no_proxy", "exempt", "others"),
    [
        ("fe80::/10", "http://[fe80::1]:3000", "http://[2001:db8::1]:3000"),
        ("[fe80::]/10", "http://[fe80::1]", "http://books.example.com"),
        ("2001:db8::1", "http://[2001:db8::1]:80", "http://[2001:db8::2]"),
        ("[2001:db8::1]:3000", "http://[2001:db8::1]:3000", "http://[2001:db8::1]:4000"),
        ("localhost,[::1],192.0.2.0/24", ELSEWHERE, "http://192.0.3.2"),
        ("192.0.2.2:3000", ELSEWHERE, "http://192.0.2.2:4000"),
        ("192.0.2.2", "http://[::ffff:192.0.2.2]", "http://192.0.2.3"),
        ("a.com, example.com", "https://books.example.com", "https://badexample.com"),
        ("a.com .example.com", "https://example.com.", "https://example.org"),
        ("*.EXAMPLE.com", "https://books.example.com", "https://example.org"),
        ("example.com:3000", "http://example.com:3000", "http://example.com"),
        ("*", ELSEWHERE, None),
        ("10.0.0.0/99,[,],::::,%,/", None, ELSEWHERE),
    ],
)
def test_no_proxy_exempts_names_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, exempt: str | None, others: str | None
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example.net:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    for url in filter(None, (exempt, others)):
        watch(url, SYMBOL)
    assert exempt is None or proxy_for(httpx.URL(exempt)) is None
    if others is not None:
        proxy = proxy_for(httpx.URL(others))
        assert proxy is not None
        assert proxy.url.host == "proxy.example.net"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]
)
def test_this_machine_has_no_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "not an address")
    watch(f"http://{host}:3000", SYMBOL)
    assert proxy_for(httpx.URL(f"http://{host}:3000")) is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HTTPS_PROXY", "https://[::1", "is not the address of a proxy"),
        ("HTTP_PROXY", "http://user:secret@:3128", "is not the address of a proxy"),
        ("http_proxy", "http://host:secret", "is not the address of a proxy"),
        ("HTTP_PROXY", "http://user:secret@127.0.0.1:99999", "is not the address of a proxy"),
        ("HTTPS_PROXY", "127.0.0.1:0", "is not the address of a proxy"),
        ("ALL_PROXY", "ftp://secret:21", "is not the address of a proxy"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "socks"),
    ],
)
def test_error_about_a_proxy_names_the_variable_and_hides_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name} ") as caught:
        watch(ELSEWHERE, SYMBOL)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", [ELSEWHERE, "https://localhost:1"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("SSL_CERT_FILE", None),
        ("SSL_CERT_FILE", ""),
        ("SSL_CERT_FILE", "no certificate"),
        ("SSL_CERT_DIR", None),
    ],
)
def test_error_about_certificates_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, name: str, content: str | None
) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(ValueError, match=f"^{name}="):
        watch(url, SYMBOL)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_url(authority: trustme.CA) -> Iterator[str]:
    """The URL of an api on this machine that uses TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with CannedApi(stream(sse_events(snapshot(3)), HOLD), context=context) as api:
        yield api.url.replace("127.0.0.1", "localhost")


@pytest.mark.process
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_of_the_environment_apply_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    authority: trustme.CA,
    secure_url: str,
    name: str,
) -> None:
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    # OpenSSL finds an authority in a folder by the hash of its name.
    (tmp_path / f"{_name_hash(file)}.0").write_bytes(file.read_bytes())
    monkeypatch.setenv(name, str(file if name == "SSL_CERT_FILE" else tmp_path))
    assert next(iter(watch(secure_url, SYMBOL))).is_live


def test_untrusted_certificate_is_named_in_the_error(secure_url: str) -> None:
    books = watch(secure_url, SYMBOL, give_up_after=0.01)
    words = "the certificate is not trusted: .*; if .* name the authority's file in SSL_CERT_FILE"
    with pytest.raises(TlsFailed, match=words):
        next(iter(books))
    with pytest.raises(TlsFailed, match=words):
        get_symbols(secure_url, attempts=1)


def test_plain_server_behind_https_is_named_in_the_error() -> None:
    def answer_at_once(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer_at_once, args=(listener,), daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TlsFailed, match="use http:// instead of https://"):
            get_symbols(url, attempts=1)


def test_proxy_that_cannot_be_reached_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:1")
    words = "192.0.2.2:3000: connection refused; the request goes through the proxy of HTTP_PROXY"
    with pytest.raises(ProxyFailed, match=words) as caught:
        get_symbols(ELSEWHERE, attempts=1)
    assert "secret" not in str(caught.value)
    with pytest.raises(ProxyFailed, match="through the proxy of HTTP_PROXY"):
        next(iter(watch(ELSEWHERE, SYMBOL, attempts=1)))


def test_proxy_that_does_not_answer_is_not_taken_for_a_silent_api() -> None:
    failure = failure_of(httpx.ConnectTimeout("text"), "HTTPS_PROXY")
    assert failure.kind is ProxyFailed
    assert (
        "no connection in time; the request goes through the proxy of HTTPS_PROXY" in failure.words
    )
    assert failure_of(httpx.ConnectTimeout("text")).kind is TimedOut
    # Once connected, the proxy has done its part.
    assert failure_of(httpx.ReadTimeout("text"), "HTTPS_PROXY").kind is TimedOut


def test_proxy_that_wants_a_password_is_an_error_that_says_where_to_put_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = answer(407, b"", "proxy-authenticate: Basic")
    with CannedApi(refusal, refusal) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(ProxyFailed, match="http://user:password@"):
            get_symbols(ELSEWHERE, attempts=1)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(ProxyFailed, match="the proxy of HTTPS_PROXY"):
            get_symbols(ELSEWHERE.replace("http:", "https:"), attempts=1)


def test_redirect_with_an_invalid_proxy_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks9://x")
    moved = answer(307, b"", f"location: {ELSEWHERE}/stream/BTC%2FUSD")
    with CannedApi(*[moved] * 3) as api:
        books = watch(api.url, SYMBOL, give_up_after=0.01)
        with pytest.raises(ConnectionError, match="ALL_PROXY"):
            next(iter(books))


def test_redirect_through_a_proxy_at_an_invalid_port_reaches_no_other_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = answer(307, b"", f"location: {ELSEWHERE}/symbols")
    with InvalidPort() as port, CannedApi(moved) as api:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port.number}")
        with pytest.raises(ProxyFailed, match="HTTP_PROXY is not the address of a proxy"):
            get_symbols(api.url, attempts=1)
        assert not port.was_reached


def _name_hash(file: Path) -> str:
    import subprocess

    command = ["openssl", "x509", "-hash", "-noout", "-in", str(file)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        pytest.skip("no openssl on the PATH")
