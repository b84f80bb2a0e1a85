"""Keep the last book of each symbol that this process read.

The cache serves books while Redis is down, and saves the verification of an unchanged book.
"""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from api.store.book_check import Reply, prove_book, time_text
from kraken_book.contract.book_hash import HASH_FIELDS, BookHash
from kraken_book.timestamps import parse_rfc3339

# Room for tens of thousands of books of depth 10, or hundreds of depth 1000.
MAX_CACHE_BYTES = 64 * 1024 * 1024

_CONFIRMED_AT = HASH_FIELDS.index("confirmed_at")


class CachedBook(NamedTuple):
    """A book and the reply that it was parsed from."""

    reply: Reply
    hash: BookHash
    confirmed_at: int | None
    """Time of the last confirmation, Unix time in nanoseconds; None if the hash has no time."""
    age_ms: int | None = None
    """Age when the book was read; None if no credible confirmation is known."""
    read_at: float = 0.0
    """Time of the read, by the monotonic clock."""

    @property
    def age_ms_now(self) -> int | None:
        """Return the age now, in milliseconds."""
        if self.age_ms is None:
            return None
        return self.age_ms + int((monotonic() - self.read_at) * 1000)

    def is_only_confirmed_by(self, reply: Reply) -> bool:
        """Return whether `reply` is the same book, except for the time of confirmation."""
        return _without_confirmation(reply) == _without_confirmation(self.reply)


class BookCache:
    """The last book of each symbol, least recently read books evicted beyond `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._books: OrderedDict[str, CachedBook] = OrderedDict()

    def get(self, symbol: str) -> CachedBook | None:
        """Return the last book of `symbol` that was read, None if there is none."""
        return self._books.get(symbol)

    def parse(self, symbol: str, reply: Reply) -> CachedBook | None:
        """Return the book in a reply, None if the reply is empty.

        A cached book is not verified again. If only its confirmation is new, as every second for a
        quiet book, the time is replaced. ValueError is raised if a collector cannot have written
        one of the fields.
        """
        cached = self._books.get(symbol)
        if cached is not None and cached.reply == reply:
            return cached
        text = time_text(reply[_CONFIRMED_AT])
        confirmed_at = parse_rfc3339(text) if text else None
        if cached is not None and cached.is_only_confirmed_by(reply):
            return CachedBook(reply, replace(cached.hash, confirmed_at=text), confirmed_at)
        proved = prove_book(symbol, reply)
        return None if proved is None else CachedBook(reply, proved, confirmed_at)

    def keep(self, symbol: str, book: CachedBook) -> None:
        """Store a book that has just been read."""
        before = self._books.get(symbol)
        self._books[symbol] = book
        self._books.move_to_end(symbol)
        if before is None or before.reply is not book.reply:
            self._bytes += _size(book) - (_size(before) if before else 0)
        while self._bytes > self._max_bytes:
            _, forgotten = self._books.popitem(last=False)
            self._bytes -= _size(forgotten)


def _without_confirmation(reply: Reply) -> list[bytes | None]:
    return [*reply[:_CONFIRMED_AT], *reply[_CONFIRMED_AT + 1 :]]


def _size(book: CachedBook) -> int:
    # The texts of the parsed book are as large as those of the reply.
    return 2 * sum(len(value or b"") for value in book.reply)
