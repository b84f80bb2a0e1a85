"""The errors that callers of the library can meet.

    KrakenBookError
        BookError               the book cannot be right; only a snapshot helps
            LevelError          a price or a quantity makes no sense (also a ValueError)
            ChecksumMismatch    the book does not have the checksum that was sent
            CrossedBook         the best bid is not below the best ask
            BookInvalid         an event does not lead to a right book
        Refused                 the api does not serve what was asked for
            UnknownSymbol       the api has no such symbol
        Unreachable             nothing answers at the api's address (also a ConnectionError)
        Unusable                an argument or a variable cannot be used (also a ValueError)
        MissingExtra            an optional dependency is not installed (also an ImportError)

Each error has a `reason`: one stable word for logs, metrics and a book's `reason`. The message is
for people and may change.
"""

from __future__ import annotations

from typing import Literal

InvalidReason = Literal["checksum", "crossed", "level", "gap", "unverified"]


class KrakenBookError(Exception):
    """The base of the library's errors."""

    reason: str


class BookError(KrakenBookError):
    """The book cannot be right; it must be replaced by a snapshot."""

    reason: InvalidReason


class LevelError(BookError, ValueError):
    """A level makes no sense at its symbol's precision; the message says why."""

    reason = "level"


class ChecksumMismatch(BookError):
    """The book is not the one whose checksum was sent."""

    reason = "checksum"


class CrossedBook(BookError):
    """The best bid is not below the best ask, as it is in Kraken's books after a whole frame."""

    reason = "crossed"


class BookInvalid(BookError):
    """An event does not lead to a right book.

    Args:
        reason: `checksum`, `crossed` or `level`, as of the errors above; `gap` if events are
            missing before it; `unverified` if it came without a checksum.
        detail: The message.
    """

    def __init__(self, reason: InvalidReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Refused(KrakenBookError):
    """The api does not serve what was asked for; the message says why, in the api's words.

    Args:
        status: The HTTP status of the answer.
        detail: The message.
    """

    reason = "refused"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class UnknownSymbol(Refused):
    """The api has no such symbol.

    Args:
        detail: The message.
        symbols: The nearest symbols that the api has.
    """

    reason = "unknown-symbol"

    def __init__(self, detail: str, symbols: list[str]) -> None:
        super().__init__(404, detail)
        self.symbols = symbols


class Unreachable(KrakenBookError, ConnectionError):
    """Nothing answered at the address of the api for as long as the caller wanted to wait."""

    reason = "unreachable"


class Unusable(KrakenBookError, ValueError):
    """An argument of `watch`, or a variable of the environment, cannot be used."""

    reason = "unusable"


class MissingExtra(KrakenBookError, ImportError):
    """An optional dependency is not installed; the message has the command that installs it."""

    reason = "missing-extra"
