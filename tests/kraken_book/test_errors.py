"""The library's errors: their base class, and a stable reason each."""

import pytest

import kraken_book
from kraken_book.errors import (
    BookError,
    BookInvalid,
    ChecksumMismatch,
    CrossedBook,
    KrakenBookError,
    LevelError,
    MissingExtra,
    Refused,
    UnknownSymbol,
    Unreachable,
    Unusable,
)

ERRORS: list[tuple[KrakenBookError, str, tuple[type[Exception], ...]]] = [
    (LevelError("text"), "level", (BookError, ValueError)),
    (ChecksumMismatch("text"), "checksum", (BookError,)),
    (CrossedBook("text"), "crossed", (BookError,)),
    (BookInvalid("gap", "text"), "gap", (BookError,)),
    (Refused(401, "text"), "refused", ()),
    (UnknownSymbol("text", ["BTC/USD"]), "unknown-symbol", (Refused,)),
    (Unreachable("text"), "unreachable", (ConnectionError,)),
    (Unusable("text"), "unusable", (ValueError,)),
    (MissingExtra("text"), "missing-extra", (ImportError,)),
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
