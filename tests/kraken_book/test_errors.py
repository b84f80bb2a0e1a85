"""The library's errors: their base class, and a stable reason each."""

import copy
import pickle

import pytest

import kraken_book
from kraken_book import errors
from kraken_book.errors import (
    BookError,
    BookInvalid,
    ChecksumMismatch,
    CrossedBook,
    DamagedRecording,
    Forbidden,
    KrakenBookError,
    LevelError,
    MissingExtra,
    NotLive,
    ProxyFailed,
    Refused,
    ServiceUnavailable,
    TimedOut,
    TlsFailed,
    TooManyRequests,
    UnknownSymbol,
    Unreachable,
    Unusable,
    WrongKey,
    WrongPath,
    WrongServer,
)

ERRORS: list[tuple[KrakenBookError, str, tuple[type[Exception], ...]]] = [
    (LevelError("text"), "level", (BookError, ValueError)),
    (ChecksumMismatch("text"), "checksum", (BookError,)),
    (CrossedBook("text"), "crossed", (BookError,)),
    (BookInvalid("gap", "text"), "gap", (BookError,)),
    (NotLive("text", None, 3.0), "not-live", ()),
    (Refused(410, "text", code="gone"), "refused", ()),
    (UnknownSymbol("text", ["BTC/USD"]), "unknown-symbol", (Refused,)),
    (WrongServer(200, "text"), "wrong-server", (Refused,)),
    (WrongPath(404, "text"), "wrong-path", (WrongServer,)),
    (WrongKey("key-missing", "text"), "key-missing", (Refused,)),
    (Forbidden(403, "text"), "forbidden", (Refused,)),
    (TooManyRequests(429, "text", retry_after=2.0), "too-many-requests", (Refused,)),
    (ServiceUnavailable(503, "text"), "unavailable", (Refused,)),
    (Unreachable("text"), "unreachable", (ConnectionError,)),
    (TimedOut("text"), "timed-out", (Unreachable, TimeoutError)),
    (TlsFailed("text"), "tls", (Unreachable,)),
    (ProxyFailed("text"), "proxy", (Unreachable,)),
    (Unusable("text"), "unusable", (ValueError,)),
    (MissingExtra("text"), "missing-extra", (ImportError,)),
    (DamagedRecording("text"), "damaged-recording", (ValueError,)),
]


@pytest.mark.parametrize(("error", "reason", "bases"), ERRORS)
def test_error_has_its_reason_message_and_bases(
    error: KrakenBookError, reason: str, bases: tuple[type[Exception], ...]
) -> None:
    assert (error.reason, str(error)) == (reason, "text")
    for base in bases:
        assert isinstance(error, base)


def test_every_error_can_be_imported_from_the_package() -> None:
    for error, _, _ in ERRORS:
        assert getattr(kraken_book, type(error).__name__) is type(error)


def test_the_list_above_has_every_error_and_each_reason_once() -> None:
    listed = {type(error) for error, _, _ in ERRORS} | {KrakenBookError, BookError}
    assert listed == {
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, KrakenBookError)
    }
    reasons = [reason for _, reason, _ in ERRORS]
    assert sorted(reasons) == sorted(set(reasons))


@pytest.mark.parametrize("error", [error for error, _, _ in ERRORS])
def test_error_survives_copies_and_other_processes(error: KrakenBookError) -> None:
    for copied in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(copied) is type(error)
        assert (str(copied), copied.reason) == (str(error), error.reason)
        assert vars(copied) == vars(error)
