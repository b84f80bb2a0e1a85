"""The last book of each symbol that this process read.

It answers while Redis does not, and saves parsing and proving a book that has not changed.
"""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from api.store.book_check import Reply, prove_book, time_text
from kraken_book.contract.book_hash import HASH_FIELDS, BookHash
from kraken_book.timestamps import parse_rfc3339

# Some thousand books of ten levels, a thousand of a thousand.
MAX_CACHE_BYTES = 64 * 1024 * 1024

_CONFIRMED_AT = HASH_FIELDS.index("confirmed_at")


class CachedBook(NamedTuple):
    """A book as it was read, with the reply that it was parsed from."""

    reply: Reply
    hash: BookHash
    confirmed_at: int | None
    """When it was confirmed, Unix time in nanoseconds; None if the hash says no time."""
    age_ms: int | None = None
    """Its age when it was read; None if nothing credible says how old it was."""
    read_at: float = 0.0
    """When it was read, by the steady clock of this process."""

    @property
    def age_ms_now(self) -> int | None:
        """Its age as of now."""
        if self.age_ms is None:
            return None
        return self.age_ms + int((monotonic() - self.read_at) * 1000)

    def is_only_confirmed_by(self, reply: Reply) -> bool:
        """Return whether `reply` differs in nothing but the time of confirmation."""
        return _without_confirmation(reply) == _without_confirmation(self.reply)


class BookCache:
    """Keep the last book of each symbol; past `max_bytes` forget those read longest ago."""

    def __init__(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._books: OrderedDict[str, CachedBook] = OrderedDict()

    def get(self, symbol: str) -> CachedBook | None:
        """Return the book of `symbol` that was read last."""
        return self._books.get(symbol)

    def parse(self, symbol: str, reply: Reply) -> CachedBook | None:
        """Return the book in a reply, None if there is no hash.

        A book that is cached is not proved again. If only its confirmation is new, as of each quiet
        book every second, it gets that.

        Raises:
            ValueError: A field cannot be what a collector wrote.
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
        """Remember a book that has just been read."""
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
    # The reply and what was made of it.
    return 2 * sum(len(value or b"") for value in book.reply)
