"""Explain to people why a request failed, and which error that is."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from kraken_book.client.outage import Failure, proxy_words
from kraken_book.errors import ProxyFailed, TimedOut, TlsFailed, Unreachable
from kraken_book.printable import printable

__all__ = ["REQUEST_ERRORS", "failure_of"]

REQUEST_ERRORS = (httpx.RequestError, ValueError, OverflowError, ExceptionGroup)
"""The errors of a request that was not answered.

httpx does not wrap the errors of encoding a host or connecting to a port, which are raised alone or
in a group: a redirect can lead to a host with a label of 64 characters.
"""

# With a proxy, these mean that the proxy was not reached or does not lead on.
_PROXY_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)

MAX_CHARACTERS = 300
_TRUST = "if it is from an authority of your own, name the authority's file in SSL_CERT_FILE"
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.ReadTimeout, "the server fell silent"),
    (httpx.TooManyRedirects, "too many redirects"),
    (socket.gaierror, "no host has this name: check its spelling"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "the connection broke off"),
    (BrokenPipeError, "the connection broke off"),
)


def failure_of(error: BaseException, proxy: str | None = None) -> Failure:
    """Return why a request failed, from the first cause in its chain that has words.

    Args:
        error: What httpx raised.
        proxy: The variable that names the proxy of the request, None if there is no proxy.
    """
    causes = list(_causes(error))
    told = (_words(cause) for cause in causes)
    words = next((text for text in told if text), str(error) or type(error).__name__)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        kind: type[Unreachable] = TlsFailed
    elif proxy is not None and isinstance(error, _PROXY_ERRORS):
        kind, words = ProxyFailed, words + proxy_words(proxy)
    elif isinstance(error, httpx.ProxyError):
        kind = ProxyFailed
    elif isinstance(error, httpx.TimeoutException):
        kind = TimedOut
    else:
        kind = Unreachable
    return Failure(printable(words, MAX_CHARACTERS), kind)


def _words(error: BaseException) -> str | None:
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, ssl.SSLError):
        return _tls_words(error)
    if isinstance(error, httpx.ProxyError):
        return f"the proxy: {error}"
    # An OSError without a number is a library's summary of several errors.
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return None


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or error.reason
        return f"the certificate is not trusted: {why}; {_TRUST}"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "the server does not speak TLS: use http:// instead of https://"
    return f"TLS failed: {error.reason or error}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
