"""Why a request failed, in words for people."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from kraken_book.printable import printable

MAX_CHARACTERS = 200
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.ReadTimeout, "it fell silent"),
    (httpx.TooManyRedirects, "it redirects without end"),
    (socket.gaierror, "no host has this name"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "the connection broke off"),
    (BrokenPipeError, "the connection broke off"),
)


def told(error: BaseException) -> str:
    """Return in words why a request failed, from the first of its causes that says something."""
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
    # Without a number it is a library's own sentence about several of them.
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return None


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message or error.reason}"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS: is its address http://… instead of https://…?"
    return f"TLS failed: {error.reason or error}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, the outermost first."""
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
