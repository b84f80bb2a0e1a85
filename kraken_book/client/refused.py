"""Unexpected answers: find their cause, and raise an error that says what to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from kraken_book.client.api_paths import prefix_before
from kraken_book.client.outage import proxy_words
from kraken_book.errors import (
    Forbidden,
    KeyReason,
    KrakenBookError,
    ProxyFailed,
    Refused,
    ServiceUnavailable,
    TooManyRequests,
    UnknownSymbol,
    WrongKey,
    WrongPath,
    WrongServer,
)
from kraken_book.printable import printable

__all__ = [
    "EVENT_STREAM",
    "JSON",
    "MAX_BYTES",
    "ProblemDetails",
    "RefusedAnswer",
    "Server",
    "parse_problem",
]

EVENT_STREAM = "text/event-stream"
JSON = "application/json"
OUR_PROBLEMS = "urn:kraken-book:"
UNKNOWN_SYMBOL = "unknown-symbol"
NO_ROUTE = "no-such-route"
# The end of the api's message about an unknown symbol if no other symbol is near it.
HTTP_HINT = "; see /symbols"
# An api answers with these if the client's path is appended to that of a route: an unknown symbol
# or route (404), or parameters of another route (400).
ANSWERS_BELOW_A_ROUTE = frozenset({400, 404})
# Limits of the bytes that are read of a body, and of the characters that messages contain.
MAX_BYTES = 1 << 16
MAX_SHOWN = 200
MAX_DETAIL = 500
MAX_NAMES = 10
MAX_RETRY_SECONDS = 99_999
# Statuses below 500 after which a later request may succeed; 429 has a meaning of its own.
TRANSIENT = frozenset({408, 425})
_CODE = re.compile(r"[a-z0-9-]{1,60}")
_BASIC = re.compile(r"(^|,)\s*basic\b", re.IGNORECASE)
_BEARER = re.compile(r"(^|,)\s*bearer\b", re.IGNORECASE)
_ERROR_WORDS = re.compile(r"error(?:_description)?\s*=\s*\"([^\"]{0,200})\"", re.IGNORECASE)


class Server(NamedTuple):
    """The server at an address, for messages about its answers."""

    address: str = "the api"
    """The address without a user and a password."""
    path: str = ""
    """The decoded path of the address, without a slash at its end."""
    has_credentials: bool = False
    """Whether requests contain a key, or a user and a password."""
    proxy: str | None = None
    """The variable that names the proxy of the requests, None if there is no proxy."""

    def below(self, prefix: str) -> str:
        """Return the address of the same host with another path."""
        scheme, host, *_ = urlsplit(self.address)
        return f"{scheme}://{host}{quote(prefix)}"


class ProblemDetails(msgspec.Struct):
    """The body of an error response (RFC 9457, `application/problem+json`)."""

    type: str = ""
    detail: str = ""
    instance: str = ""
    symbols: list[str] | None = None

    @property
    def code(self) -> str | None:
        """The kind of a problem of a kraken-book api, None for another server's."""
        code = self.type.removeprefix(OUR_PROBLEMS)
        return code if code != self.type and _CODE.fullmatch(code) else None


class RefusedAnswer:
    """An unexpected answer; its body arrives in pieces.

    Args:
        status: The HTTP status.
        headers: The headers, with lower-case names or case-insensitive.
        server: The server that sent it.
        expected: The content type of a usable answer.
        max_bytes: The size up to which the body is read.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        server: Server | None = None,
        expected: str = EVENT_STREAM,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.status = status
        self._headers = headers
        self._server = server or Server()
        self._expected = expected
        self._max_bytes = max_bytes
        self._body = b""

    def feed(self, chunk: bytes) -> bool:
        """Append a piece of the body, and return whether enough of the body has been read."""
        self._body += chunk[: self._max_bytes - len(self._body)]
        return len(self._body) == self._max_bytes

    @property
    def retry_after(self) -> float | None:
        """The seconds of the Retry-After header, None if there is none."""
        after = self._headers.get("retry-after", "").strip()
        if after.isascii() and after.isdecimal():
            return float(min(int(after[:6]), MAX_RETRY_SECONDS))
        try:
            moment = parsedate_to_datetime(after)
            left = (moment - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(left, 0.0), MAX_RETRY_SECONDS)

    @property
    def is_final(self) -> bool:
        """Whether the same request will always be refused, provided that it was never served."""
        return self.status < 500 and self.status != 429 and self.status not in TRANSIENT

    @property
    def is_unknown_symbol(self) -> bool:
        """Whether an api answered that it does not have the symbol."""
        return self.status == 404 and self._problem().code == UNKNOWN_SYMBOL

    def error(self, *, was_served: bool = False) -> KrakenBookError:
        """Return the answer as an error.

        Args:
            was_served: Whether the api has served this caller before, with the same key.
        """
        problem = self._problem()
        route_error = self._error_of_a_route(problem)
        return route_error or self._error(problem, was_served=was_served)

    def _error(self, problem: ProblemDetails, *, was_served: bool) -> KrakenBookError:
        detail = printable(problem.detail, MAX_DETAIL)
        if self.status == 401:
            return self._wrong_key(problem, detail, was_served=was_served)
        if self.status == 403:
            words = detail or "the api forbids this request"
            words += f" (403: use a key that permits it){self._via(problem.code)}"
            return Forbidden(403, words, code=problem.code)
        if self.status == 404:
            return self._not_found(problem, detail)
        if self.status == 407:
            return self._wrong_proxy_user()
        if self.status < 400:
            return WrongServer(self.status, self._not_an_api() + self._via(None))
        return self._refused(problem.code, detail or f"the api answers {self.status}")

    def _refused(self, code: str | None, detail: str) -> Refused:
        after = self.retry_after
        if self.status == 429:
            pause = f" (429: try again in {after:g} s)" if after is not None else ""
            return TooManyRequests(429, detail + pause, code=code, retry_after=after)
        is_passing = self.status >= 500 or self.status in TRANSIENT
        kind = ServiceUnavailable if is_passing else Refused
        if code is None and not is_passing:
            address = self._server.address
            detail += f" ({self.status}; check the address: {address} may be no kraken-book api)"
        detail += self._via(code)
        return kind(self.status, detail, code=code, retry_after=after)

    def _error_of_a_route(self, problem: ProblemDetails) -> WrongPath | None:
        """Return the error if the address is the one of a route of the api, such as `…/books`."""
        if problem.code is None or self.status not in ANSWERS_BELOW_A_ROUTE:
            return None
        prefix = prefix_before(self._server.path, problem.instance)
        if prefix is None:
            return None
        words = (
            f"{self._server.address} is a route of a kraken-book api, not its address: use"
            f" {self._server.below(prefix)}"
        )
        return WrongPath(self.status, words, code=problem.code)

    def _not_found(self, problem: ProblemDetails, detail: str) -> Refused:
        # Suggested symbols identify an unknown symbol even if the problem has another type.
        if problem.code == UNKNOWN_SYMBOL or problem.symbols is not None:
            names = [printable(name, MAX_SHOWN) for name in (problem.symbols or [])[:MAX_NAMES]]
            return UnknownSymbol(_unknown_symbol_words(detail, names), names)
        if problem.code is None:
            return WrongServer(404, self._not_found_elsewhere() + self._via(None))
        if problem.code == NO_ROUTE:
            return WrongPath(404, self._no_route_words(detail), code=problem.code)
        return Refused(404, detail or "the api answers 404", code=problem.code)

    def _not_found_elsewhere(self) -> str:
        remedy = (
            "check host, port and path prefix"
            if self._server.path
            else "check host and port; if an api is behind a path prefix, append the prefix"
        )
        return f"{self._server.address} answers 404, so it is not a kraken-book api: {remedy}"

    def _no_route_words(self, detail: str) -> str:
        remedy = (
            f"remove or correct the path prefix of the address, as in {self._server.below('')}"
            if self._server.path
            else "it may be of an older version: update it, or this package"
        )
        return (
            f"{self._server.address} is not the address of a kraken-book api, although one answers"
            f" ({detail}): {remedy}"
        )

    def _via(self, code: str | None) -> str:
        """Return words about the proxy, which may have answered if no api did."""
        return "" if code is not None else proxy_words(self._server.proxy)

    def _wrong_key(self, problem: ProblemDetails, detail: str, *, was_served: bool) -> WrongKey:
        challenge = self._headers.get("www-authenticate", "")
        reason = self._key_reason(problem.code, challenge, was_served=was_served)
        address = self._server.address
        is_basic = _BASIC.search(challenge) and not _BEARER.search(challenge)
        if is_basic:
            words = (
                f"{address} wants a user and a password: put the right ones into the URL, as in"
                " https://user:password@host"
            )
        else:
            words = f"{address} {_KEY_WORDS[reason]}"
        words += f" (401{', ' + detail if detail else ''})"
        return WrongKey(reason, words, code=problem.code)

    def _key_reason(self, code: str | None, challenge: str, *, was_served: bool) -> KeyReason:
        if not self._server.has_credentials:
            return "key-missing"
        if was_served:
            return "key-expired"
        if code in _KEY_WORDS:
            return code
        told = " ".join((code or "", *_ERROR_WORDS.findall(challenge))).lower()
        return "key-expired" if "expired" in told else "key-unknown"

    def _wrong_proxy_user(self) -> ProxyFailed:
        return ProxyFailed(
            "the proxy wants a user and a password (407): put them into its variable, as in"
            " HTTPS_PROXY=http://user:password@proxy.example.com:3128"
        )

    def _not_an_api(self) -> str:
        encoding = self._headers.get("content-encoding", "identity")
        kind = self._headers.get("content-type") or "nothing"
        if encoding != "identity":
            text = f"{kind} compressed by {encoding}"
        elif kind.startswith(self._expected):
            text = f"{kind} of another form"
        else:
            text = f"{kind}, not {self._expected}"
        shown = printable(text if self.status == 200 else f"{self.status} with {text}", MAX_SHOWN)
        address = self._server.address
        return f"{address} answers {shown}, so it is not a kraken-book api: check the address"

    def _problem(self) -> ProblemDetails:
        """Return the problem in the body. For any other body, its start is the detail."""
        problem = parse_problem(self._body)
        if problem is not None:
            return problem
        text = self._body[:MAX_SHOWN].decode(errors="replace")
        return ProblemDetails(detail=" ".join(text.split()))


def _unknown_symbol_words(detail: str, nearest: list[str]) -> str:
    """Return the api's words, but with names of the client instead of those of HTTP."""
    words = detail.removesuffix(HTTP_HINT) or "the api does not have this symbol"
    if not nearest:
        return f"{words}; get_symbols(), or /symbols of the api, lists those that it has"
    is_named = any(name in words for name in nearest)
    return words if is_named else f"{words}; did you mean {' or '.join(nearest)}?"


_KEY_WORDS: dict[KeyReason, str] = {
    "key-missing": "wants a key: pass key='…', or set KRAKEN_BOOK_KEY for the commands",
    "key-unknown": "does not know this key: check that it is whole, and that it is for this api",
    "key-expired": "does not accept this key any more: it expired or was revoked, get a new one",
}


def parse_problem(body: bytes) -> ProblemDetails | None:
    """Return the problem in a body, None if the body is not a problem."""
    try:
        return msgspec.json.decode(body, type=ProblemDetails)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
