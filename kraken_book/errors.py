"""The errors that callers of the library can meet.

    KrakenBookError
        BookError               the book is wrong and must be replaced by a snapshot
            LevelError          a price or a quantity is impossible (also a ValueError)
            ChecksumMismatch    the book's checksum differs from the venue's
            CrossedBook         the best bid is not below the best ask
            BookInvalid         an event or an answer does not lead to a verified book
        NotLive                 the book is not known to match the venue's now
        Refused                 the api, or another server at its address, refuses the request
            UnknownSymbol       the api has no such symbol
            WrongServer         the server is not a kraken-book api
                WrongPath       an api answers, but its address is another path of the server
            WrongKey            the key is missing, unknown or expired
            Forbidden           the key does not permit the request
            TooManyRequests     a limit is exceeded
            ServiceUnavailable  the api cannot answer now
        Unreachable             nothing answers at the api's address (also a ConnectionError)
            TimedOut            nothing answers in time (also a TimeoutError)
            TlsFailed           no secure connection: certificates, or not a TLS server
            ProxyFailed         the proxy of the environment does not lead to the api
        Unusable                an argument or a variable is invalid (also a ValueError)
        MissingExtra            an optional dependency is not installed (also an ImportError)
        DamagedRecording        a file is no recording, or a damaged one (also a ValueError)

Each error has a `reason`: one stable word for logs, metrics and the `reason` of a book. The message
is for people, says what to change, and may change itself. `is_transient` tells whether the same
call may succeed later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from kraken_book.frozen_book import FrozenBook

__all__ = [
    "BookError",
    "BookInvalid",
    "ChecksumMismatch",
    "CrossedBook",
    "DamagedRecording",
    "Forbidden",
    "InvalidReason",
    "KeyReason",
    "KrakenBookError",
    "LevelError",
    "MissingExtra",
    "NotLive",
    "ProxyFailed",
    "Refused",
    "ServiceUnavailable",
    "TimedOut",
    "TlsFailed",
    "TooManyRequests",
    "UnknownSymbol",
    "Unreachable",
    "Unusable",
    "WrongKey",
    "WrongPath",
    "WrongServer",
]

InvalidReason = Literal["checksum", "crossed", "level", "gap", "unverified"]
KeyReason = Literal["key-missing", "key-unknown", "key-expired"]


class KrakenBookError(Exception):
    """Base class of the library's errors."""

    reason: str
    is_transient: bool = False
    """Whether the same call may succeed later."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By default, copies and other processes would call the class with the message alone.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[KrakenBookError], args: tuple[Any, ...], members: dict[str, Any]
) -> KrakenBookError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(members)
    return error


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
    """An event or an answer does not lead to a verified book.

    Args:
        reason: `checksum`, `crossed` or `level`, as for the errors above; `gap` if events before
            this one are missing; `unverified` if it has no checksum.
        detail: The message.
    """

    is_transient = True

    def __init__(self, reason: InvalidReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class NotLive(KrakenBookError):
    """The book is not known to match the venue's now.

    Args:
        detail: The message.
        book: The last known book with its status, verified; None if there is none.
        retry_after: The seconds after which to try again, if the api names them.
    """

    reason = "not-live"
    is_transient = True

    def __init__(
        self, detail: str, book: FrozenBook | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.book = book
        self.retry_after = retry_after


class Refused(KrakenBookError):
    """The api refuses the request; the message is the api's explanation.

    Args:
        status: The HTTP status of the response.
        detail: The message.
        code: The kind of problem in the api's words, such as `refused-symbol`; None if it has none.
        retry_after: The seconds after which to try again, if the server names them.
    """

    reason = "refused"

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class UnknownSymbol(Refused):
    """The api has no such symbol, or this key may not see it.

    Args:
        detail: The message.
        symbols: The symbols that the api suggests instead.
    """

    reason = "unknown-symbol"

    def __init__(self, detail: str, symbols: list[str]) -> None:
        super().__init__(404, detail, code="unknown-symbol")
        self.symbols = symbols


class WrongServer(Refused):
    """The server at the address is not a kraken-book api: check host, port and path prefix."""

    reason = "wrong-server"


class WrongPath(WrongServer):
    """A kraken-book api answers, but its address is another path: the message names it."""

    reason = "wrong-path"


class WrongKey(Refused):
    """The api does not accept the key (401).

    Args:
        reason: `key-missing` if none was sent, `key-expired` if it was accepted before or the api
            says so, else `key-unknown`.
        detail: The message.
        code: As for `Refused`.
    """

    reason: KeyReason

    def __init__(self, reason: KeyReason, detail: str, *, code: str | None = None) -> None:
        super().__init__(401, detail, code=code)
        self.reason = reason


class Forbidden(Refused):
    """The api knows the caller and does not permit the request (403)."""

    reason = "forbidden"


class TooManyRequests(Refused):
    """The caller exceeds a limit of the api (429); `retry_after` has the seconds to wait."""

    reason = "too-many-requests"
    is_transient = True


class ServiceUnavailable(Refused):
    """The api, or the proxy before it, cannot answer now (5xx)."""

    reason = "unavailable"
    is_transient = True


class Unreachable(KrakenBookError, ConnectionError):
    """Nothing answered at the api's address before the caller's limit."""

    reason = "unreachable"
    is_transient = True


class TimedOut(Unreachable, TimeoutError):
    """Nothing answered in time."""

    reason = "timed-out"


class TlsFailed(Unreachable):
    """There is no secure connection: the certificate is not trusted, or the server has none."""

    reason = "tls"


class ProxyFailed(Unreachable):
    """The proxy that the environment names does not lead to the api."""

    reason = "proxy"


class Unusable(KrakenBookError, ValueError):
    """An argument or an environment variable is invalid."""

    reason = "unusable"


class MissingExtra(KrakenBookError, ImportError):
    """An optional dependency is not installed; the message has the command that installs it."""

    reason = "missing-extra"


class DamagedRecording(KrakenBookError, ValueError):
    """A file is missing, is not a recording, or is damaged; the message names it."""

    reason = "damaged-recording"
