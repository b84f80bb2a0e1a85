"""Answers that are not a stream, and which of them are final."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kraken_book.errors import Refused, UnknownSymbol
from kraken_book.printable import printable

EVENT_STREAM = "text/event-stream"
OUR_PROBLEMS = "urn:kraken-book:"
UNKNOWN_SYMBOL = f"{OUR_PROBLEMS}unknown-symbol"
# Limits of the bytes that are read of a body, and of the characters that messages contain.
MAX_BYTES = 1 << 16
MAX_SHOWN = 200
MAX_DETAIL = 500
MAX_NAMES = 10
# Statuses below 500 after which a later request may succeed.
TRANSIENT = frozenset({408, 425, 429})


class ProblemDetails(msgspec.Struct):
    """The body of an error response (RFC 9457, `application/problem+json`)."""

    type: str = ""
    detail: str = ""
    symbols: list[str] | None = None


class RefusedAnswer:
    """An answer that is not a stream, from the server at `address`; its body arrives in pieces."""

    def __init__(self, status: int, headers: Mapping[str, str], address: str = "the api") -> None:
        self.status = status
        self._headers = headers
        self._address = address
        self._body = b""

    def feed(self, chunk: bytes) -> bool:
        """Append a piece of the body, and return whether enough of the body has been read."""
        self._body += chunk[: MAX_BYTES - len(self._body)]
        return len(self._body) == MAX_BYTES

    @property
    def retry_after(self) -> float:
        """The seconds of the Retry-After header, 0 if there is none."""
        after = self._headers.get("retry-after", "")
        return float(after) if after.isdecimal() and len(after) < 6 else 0.0

    @property
    def is_final(self) -> bool:
        """Whether the same request will always be refused, provided that it was never served."""
        return self.status < 500 and self.status not in TRANSIENT

    @property
    def is_unknown_symbol(self) -> bool:
        """Whether an api answered that it does not have the symbol."""
        return self.status == 404 and self._problem().type == UNKNOWN_SYMBOL

    def refusal(self) -> Refused:
        """Return the answer as an error."""
        problem = self._problem()
        detail = printable(problem.detail, MAX_DETAIL)
        # Suggested symbols identify an unknown symbol even if the problem has another type.
        if self.is_unknown_symbol or (self.status == 404 and problem.symbols is not None):
            names = [printable(name, MAX_SHOWN) for name in (problem.symbols or [])[:MAX_NAMES]]
            return UnknownSymbol(detail or "the api does not have this symbol", names)
        if self.status < 300:
            return Refused(self.status, self._not_an_api(self._content_kind()))
        if self.status == 404 and not self._is_ours:
            return Refused(self.status, self._not_an_api("404"))
        return Refused(self.status, detail or f"the api answers {self.status}")

    @property
    def _is_ours(self) -> bool:
        return self._problem().type.startswith(OUR_PROBLEMS)

    def _content_kind(self) -> str:
        encoding = self._headers.get("content-encoding")
        kind = self._headers.get("content-type") or "nothing"
        text = f"{kind} compressed by {encoding}" if encoding else f"{kind}, not {EVENT_STREAM}"
        return printable(text, MAX_SHOWN)

    def _not_an_api(self, answer: str) -> str:
        return (
            f"{self._address} answers {answer}, so it is not a kraken-book api: check the address"
        )

    def _problem(self) -> ProblemDetails:
        """Return the problem in the body. For any other body, its start is the detail."""
        problem = parse_problem(self._body)
        if problem is not None:
            return problem
        text = self._body[:MAX_SHOWN].decode(errors="replace")
        return ProblemDetails(detail=" ".join(text.split()))


def parse_problem(body: bytes) -> ProblemDetails | None:
    """Return the problem in a body, None if the body is not a problem."""
    try:
        return msgspec.json.decode(body, type=ProblemDetails)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
