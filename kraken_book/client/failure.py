"""Explain to people why a request failed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from kraken_book.printable import printable

REQUEST_ERRORS = (httpx.RequestError, ValueError, OverflowError, ExceptionGroup)
"""The errors of a request that was not answered.

httpx does not wrap the errors of encoding a host or connecting to a port, which are raised alone or
in a group: a redirect can lead to a host with a label of 64 characters, or to port 99999.
"""

MAX_CHARACTERS = 200
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.ReadTimeout, "the server fell silent"),
    (httpx.TooManyRedirects, "too many redirects"),
    (socket.gaierror, "no host has this name"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "the connection broke off"),
    (BrokenPipeError, "the connection broke off"),
)


def describe_failure(error: BaseException) -> str:
    """Return in words why a request failed, from the first cause in its chain that has words."""
    for cause in _causes(error):
        words = _words(cause)
        if words:
            return printable(words, MAX_CHARACTERS)
    return printable(str(error) or type(error).__name__, MAX_CHARACTERS)


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
        return f"the certificate is not trusted: {error.verify_message or error.reason}"
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
