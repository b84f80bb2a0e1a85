"""Kraken's answers to requests: what they say, and of which symbols.

Answers are decoded member by member: a member of an unusual type costs only itself.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kraken_book.symbols import mentioned

# Raised for bytes that are not JSON, have another shape, or nest without end.
NOT_UNDERSTOOD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# A longer member is not decoded.
MAX_MEMBER_BYTES = 100_000
# Characters of Kraken's texts that are looked at and repeated.
MAX_TEXT_LENGTH = 200

# "Exceeded msg rate", "EGeneral:Too many requests", "EAPI:Rate limit exceeded", "EService:Busy", …
_TOO_FAST = re.compile(
    r"exceeded.*\brate\b|\brate\b.*exceeded|\brate.?limit|too many (requests|messages)"
    r"|throttl|slow down|temporary lockout|service: ?busy",
    re.IGNORECASE,
)
_ALREADY_SUBSCRIBED = "Already subscribed"

_NULL = msgspec.Raw(b"null")


class RequestAnswer(msgspec.Struct):
    """The answer to a request; only `success` tells whether it was granted.

    `symbols` are those of an answer that has several.
    """

    method: str | None = None
    success: bool = True
    error: str | None = None
    symbol: str | None = None
    channel: str | None = None
    req_id: int | None = None
    symbols: tuple[str, ...] = ()

    @property
    def short_error(self) -> str:
        """The beginning of its error, or an empty text."""
        return (self.error or "")[:MAX_TEXT_LENGTH]

    @property
    def says_too_fast(self) -> bool:
        """Whether requests come too fast."""
        return _TOO_FAST.search(self.short_error) is not None

    @property
    def says_already_subscribed(self) -> bool:
        """Whether the channel was subscribed to before."""
        return self.short_error.startswith(_ALREADY_SUBSCRIBED)

    @property
    def names(self) -> list[str]:
        """The symbols that it names, also in the words of its error."""
        if self.symbol:
            return [self.symbol]
        return list(self.symbols) or ([] if self.success else mentioned(self.short_error))


class _Members(msgspec.Struct):
    method: msgspec.Raw = _NULL
    success: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL
    # Seen with a capital: {"Error":"Exceeded msg rate"}.
    capital_error: msgspec.Raw = msgspec.field(default=_NULL, name="Error")
    symbol: msgspec.Raw = _NULL
    result: msgspec.Raw = _NULL
    req_id: msgspec.Raw = _NULL


_members = msgspec.json.Decoder(_Members)


def decode_answer(data: bytes) -> RequestAnswer | None:
    """Return the answer in a frame; None if it has neither a method nor an error.

    Raises:
        msgspec.DecodeError: The frame is not a JSON object.
    """
    members = _members.decode(data)
    error = _error_text(members.error) or _error_text(members.capital_error)
    method = text_or_none(value_of(members.method))
    if method is None and error is None:
        return None
    value = value_of(members.result)
    result = value if isinstance(value, dict) else {}
    symbol = result.get("symbol") or value_of(members.symbol)
    return RequestAnswer(
        method=method,
        success=error is None and value_of(members.success) is not False,
        error=error,
        symbol=text_or_none(symbol),
        channel=text_or_none(result.get("channel")),
        req_id=number_or_none(value_of(members.req_id)),
        symbols=tuple(filter(text_or_none, symbol)) if isinstance(symbol, list) else (),
    )


def _error_text(data: msgspec.Raw) -> str | None:
    """Return an error's text, or its JSON if it is not a text; None if there is none."""
    value = value_of(data)
    if isinstance(value, str) or (not value and len(data) <= MAX_MEMBER_BYTES):
        return value or None
    return bytes(memoryview(data)[:MAX_MEMBER_BYTES]).decode(errors="replace")


def value_of(data: msgspec.Raw) -> Any:
    """Return the value of a member; None if it is too long or cannot be understood."""
    if len(data) > MAX_MEMBER_BYTES:
        return None
    try:
        return msgspec.json.decode(data)
    except NOT_UNDERSTOOD:
        return None


def text_or_none(value: object) -> str | None:
    """Return `value` if it is a text that is not empty."""
    return value if isinstance(value, str) and value else None


def number_or_none(value: object) -> int | None:
    """Return `value` if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def excerpt(data: bytes | msgspec.Raw | str) -> str:
    """Return the beginning of what Kraken sent, for the log."""
    if isinstance(data, str):
        return data[:MAX_TEXT_LENGTH]
    return bytes(memoryview(data)[:MAX_TEXT_LENGTH]).decode(errors="replace")
