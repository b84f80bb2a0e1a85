"""Decode Kraken's answers to requests.

Answers are decoded member by member, so that a member of an unexpected type does not affect others.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kraken_book.json_errors import JSON_ERRORS
from kraken_book.symbols import mentioned

# Longer members are not decoded.
MAX_MEMBER_BYTES = 100_000
# Kraken's texts are cut to this length before they are matched or logged.
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
    """The answer to a request.

    Attributes:
        method: The method of the request.
        success: Whether Kraken granted the request; no other member shows this.
        error: Kraken's error, if it has one.
        symbol: The symbol, if the answer has one.
        channel: The channel, if the answer has one.
        req_id: The id of the request, if the answer has it.
        symbols: The symbols, if the answer has several.
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
        """The beginning of the error, or an empty string."""
        return (self.error or "")[:MAX_TEXT_LENGTH]

    @property
    def is_rate_limited(self) -> bool:
        """Whether Kraken refused the request because of its rate limit."""
        return _TOO_FAST.search(self.short_error) is not None

    @property
    def is_already_subscribed(self) -> bool:
        """Whether Kraken refused the request because of an earlier subscription."""
        return self.short_error.startswith(_ALREADY_SUBSCRIBED)

    @property
    def names(self) -> list[str]:
        """The symbols of the answer, also those in the text of its error."""
        if self.symbol:
            return [self.symbol]
        return list(self.symbols) or ([] if self.success else mentioned(self.short_error))


class _Members(msgspec.Struct):
    method: msgspec.Raw = _NULL
    success: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL
    # Kraken sends this form too: {"Error":"Exceeded msg rate"}.
    capital_error: msgspec.Raw = msgspec.field(default=_NULL, name="Error")
    symbol: msgspec.Raw = _NULL
    result: msgspec.Raw = _NULL
    req_id: msgspec.Raw = _NULL


_members = msgspec.json.Decoder(_Members)


def decode_answer(data: bytes) -> RequestAnswer | None:
    """Return the answer in a frame; None if it has neither a method nor an error.

    One of `JSON_ERRORS` is raised if the frame is not a JSON object.
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
    """Return the text of an error, or its JSON if it is not a string; None if it is empty."""
    value = value_of(data)
    if isinstance(value, str) or (not value and len(data) <= MAX_MEMBER_BYTES):
        return value or None
    return bytes(memoryview(data)[:MAX_MEMBER_BYTES]).decode(errors="replace")


def value_of(data: msgspec.Raw) -> Any:
    """Return the value of a member; None if it is too long or cannot be decoded."""
    if len(data) > MAX_MEMBER_BYTES:
        return None
    try:
        return msgspec.json.decode(data)
    except JSON_ERRORS:
        return None


def text_or_none(value: object) -> str | None:
    """Return `value` if it is a string that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def number_or_none(value: object) -> int | None:
    """Return `value` if it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def excerpt(data: bytes | msgspec.Raw | str) -> str:
    """Return the beginning of data from Kraken, for the log."""
    if isinstance(data, str):
        return data[:MAX_TEXT_LENGTH]
    return bytes(memoryview(data)[:MAX_TEXT_LENGTH]).decode(errors="replace")
