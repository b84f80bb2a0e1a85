"""The errors that callers of the library can meet.

    KrakenBookError
        BookError               the book is wrong and must be replaced by a snapshot
            LevelError          a price or a quantity is impossible (also a ValueError)
            ChecksumMismatch    the book's checksum differs from the venue's
            CrossedBook         the best bid is not below the best ask
            BookInvalid         an event does not lead to a verified book
        Refused                 the api refuses the request
            UnknownSymbol       the api has no such symbol
        Unreachable             nothing answers at the api's address (also a ConnectionError)
        Unusable                an argument or a variable is invalid (also a ValueError)
        MissingExtra            an optional dependency is not installed (also an ImportError)

Each error has a `reason`: one stable word for logs, metrics and the `reason` of a book. The message
is for people and may change.
"""

from __future__ import annotations

from typing import Literal

InvalidReason = Literal["checksum", "crossed", "level", "gap", "unverified"]


class KrakenBookError(Exception):
    """Base class of the library's errors."""

    reason: str


class BookError(KrakenBookError):
    """The book is wrong and must be replaced by a snapshot."""

    reason: InvalidReason


class LevelError(BookError, ValueError):
    """A level is impossible at its symbol's precision; the message explains why."""

    reason = "level"


class ChecksumMismatch(BookError):
    """The book's checksum differs from the venue's."""

    reason = "checksum"


class CrossedBook(BookError):
    """The best bid is not below the best ask. Kraken's books are never crossed after a frame."""

    reason = "crossed"


class BookInvalid(BookError):
    """An event does not lead to a verified book.

    Args:
        reason: `checksum`, `crossed` or `level`, as for the errors above; `gap` if events before
            this one are missing; `unverified` if it has no checksum.
        detail: The message.
    """

    def __init__(self, reason: InvalidReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Refused(KrakenBookError):
    """The api refuses the request; the message is the api's explanation.

    Args:
        status: The HTTP status of the response.
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
        symbols: The symbols that the api suggests instead.
    """

    reason = "unknown-symbol"

    def __init__(self, detail: str, symbols: list[str]) -> None:
        super().__init__(404, detail)
        self.symbols = symbols


class Unreachable(KrakenBookError, ConnectionError):
    """Nothing answered at the api's address before the caller's time limit."""

    reason = "unreachable"


class Unusable(KrakenBookError, ValueError):
    """An argument or an environment variable is invalid."""

    reason = "unusable"


class MissingExtra(KrakenBookError, ImportError):
    """An optional dependency is not installed; the message has the command that installs it."""

    reason = "missing-extra"
