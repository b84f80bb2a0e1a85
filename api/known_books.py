"""What this process has read of each book: to tell when Redis does not, and not to parse again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from kraken_book.redis_contract.book_hash import BookHash

# Some thousand books of ten levels, a thousand of a thousand.
MOST_BYTES = 64 * 1024 * 1024

Reply = Sequence[bytes | None]
"""The fields of a book's hash, as HMGET gives them."""


class KnownBook(NamedTuple):
    """A book as it was read: since when (Unix, ns) it was confirmed, and what its age was when."""

    reply: Reply
    hash: BookHash
    confirmed_at: int
    age_ms: int = 0
    read_at: float = 0.0

    @property
    def age_ms_now(self) -> int:
        """Its age as of now, by the clock of this process since it was read."""
        return self.age_ms + int((monotonic() - self.read_at) * 1000)


class KnownBooks:
    """The last book of each symbol; past `most_bytes` those read longest ago are forgotten."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._books: OrderedDict[str, KnownBook] = OrderedDict()

    def get(self, symbol: str) -> KnownBook | None:
        """The book of `symbol` that was read last."""
        return self._books.get(symbol)

    def keep(self, symbol: str, book: KnownBook) -> None:
        """Remember a book that has just been read."""
        before = self._books.get(symbol)
        self._books[symbol] = book
        self._books.move_to_end(symbol)
        if before is None or before.reply is not book.reply:
            self._bytes += _size(book) - (_size(before) if before else 0)
        while self._bytes > self._most_bytes:
            _, forgotten = self._books.popitem(last=False)
            self._bytes -= _size(forgotten)


def _size(book: KnownBook) -> int:
    # The reply and what was made of it.
    return 2 * sum(len(value or b"") for value in book.reply)
