"""Answers that are no stream, and which of them no coming back would change."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

EVENT_STREAM = "text/event-stream"
# So much of a body is read, and so much of one that is no problem is told.
MOST_BYTES = 1 << 16
MOST_SHOWN = 200
# What another moment may change, beside all that is the server's own failure.
TRANSIENT = frozenset({408, 425, 429})


class Refused(Exception):
    """The api does not serve what was asked for; the message says why, in the api's words.

    `status` is HTTP's.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class UnknownSymbol(Refused):
    """The api has no such symbol; `symbols` are the nearest that it has."""

    def __init__(self, detail: str, symbols: list[str]) -> None:
        super().__init__(404, detail)
        self.symbols = symbols


class _Problem(msgspec.Struct):
    detail: str = ""
    symbols: list[str] = []


class RefusedAnswer:
    """An answer that is no stream; its body comes in pieces."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self._headers = headers
        self._body = b""

    def feed(self, chunk: bytes) -> bool:
        """Take more of the body; whether that is enough of it."""
        self._body += chunk[: MOST_BYTES - len(self._body)]
        return len(self._body) == MOST_BYTES

    @property
    def retry_after(self) -> float:
        """How many seconds the api wants to be left alone, 0 where it does not say."""
        after = self._headers.get("retry-after", "")
        return float(after) if after.isdecimal() and len(after) < 6 else 0.0

    @property
    def is_final(self) -> bool:
        """Whether the same request will always be refused, if it was never served before."""
        return self.status < 500 and self.status not in TRANSIENT

    def refusal(self) -> Refused:
        """What the api says, as an error."""
        problem = self._problem()
        detail = problem.detail or f"the api answers {self.status}"
        if self.status == 404:
            return UnknownSymbol(detail, problem.symbols)
        if self.status < 300:
            kind = self._headers.get("content-type", "nothing")
            detail = f"it answers {kind}, no {EVENT_STREAM}: is this the address of an api?"
        return Refused(self.status, detail)

    def _problem(self) -> _Problem:
        """The problem+json of the body; of any other body, its beginning as the detail."""
        try:
            return msgspec.json.decode(self._body, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = self._body[:MOST_SHOWN].decode(errors="replace")
            return _Problem(" ".join(text.split()))
