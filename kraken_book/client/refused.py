"""Answers that are not a stream, and which of them will never change."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kraken_book.errors import Refused, UnknownSymbol
from kraken_book.printable import printable

EVENT_STREAM = "text/event-stream"
OUR_PROBLEMS = "urn:kraken-book:"
UNKNOWN_SYMBOL = f"{OUR_PROBLEMS}unknown-symbol"
# Bytes of a body that are read, and characters of its text that are shown.
MAX_BYTES = 1 << 16
MAX_SHOWN = 200
MAX_DETAIL = 500
MAX_NAMES = 10
# What another moment may change, beside all that is the server's own failure.
TRANSIENT = frozenset({408, 425, 429})


class ProblemDetails(msgspec.Struct):
    """The body of an answer that is no success (RFC 9457, `application/problem+json`)."""

    type: str = ""
    detail: str = ""
    symbols: list[str] | None = None


class RefusedAnswer:
    """An answer that is no stream, from the server at `address`; its body comes in pieces."""

    def __init__(self, status: int, headers: Mapping[str, str], address: str = "the api") -> None:
        self.status = status
        self._headers = headers
        self._address = address
        self._body = b""

    def feed(self, chunk: bytes) -> bool:
        """Take more of the body; return whether that is enough of it."""
        self._body += chunk[: MAX_BYTES - len(self._body)]
        return len(self._body) == MAX_BYTES

    @property
    def retry_after(self) -> float:
        """Return for how many seconds the api asks not to be called; 0 if it does not say."""
        after = self._headers.get("retry-after", "")
        return float(after) if after.isdecimal() and len(after) < 6 else 0.0

    @property
    def is_final(self) -> bool:
        """Whether the same request will always be refused, if it was never served before."""
        return self.status < 500 and self.status not in TRANSIENT

    @property
    def is_unknown_symbol(self) -> bool:
        """Return whether an api says that it does not have the symbol."""
        return self.status == 404 and self._problem().type == UNKNOWN_SYMBOL

    def refusal(self) -> Refused:
        """Return what the server says, as an error."""
        problem = self._problem()
        detail = printable(problem.detail, MAX_DETAIL)
        # Of an api that has another name for it, the names that it suggests say what it means.
        if self.is_unknown_symbol or (self.status == 404 and problem.symbols is not None):
            names = [printable(name, MAX_SHOWN) for name in (problem.symbols or [])[:MAX_NAMES]]
            return UnknownSymbol(detail or "the api does not have this symbol", names)
        if self.status < 300:
            return Refused(self.status, self._not_an_api(self._what_came()))
        if self.status == 404 and not self._is_ours:
            return Refused(self.status, self._not_an_api("404"))
        return Refused(self.status, detail or f"the api answers {self.status}")

    @property
    def _is_ours(self) -> bool:
        return self._problem().type.startswith(OUR_PROBLEMS)

    def _what_came(self) -> str:
        encoding = self._headers.get("content-encoding")
        kind = self._headers.get("content-type") or "nothing"
        what = f"{kind} compressed by {encoding}" if encoding else f"{kind}, not {EVENT_STREAM}"
        return printable(what, MAX_SHOWN)

    def _not_an_api(self, what: str) -> str:
        return (
            f"{self._address} answers {what}, so it is no kraken-book api:"
            " is this the address of an api?"
        )

    def _problem(self) -> ProblemDetails:
        """Return the problem in the body; of any other body, its beginning as the detail."""
        problem = parse_problem(self._body)
        if problem is not None:
            return problem
        text = self._body[:MAX_SHOWN].decode(errors="replace")
        return ProblemDetails(detail=" ".join(text.split()))


def parse_problem(body: bytes) -> ProblemDetails | None:
    """Return the problem that a body is, None if it is something else."""
    try:
        return msgspec.json.decode(body, type=ProblemDetails)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
