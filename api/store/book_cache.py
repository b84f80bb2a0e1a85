"""What this process has read of each book: to tell when Redis does not, and not to parse again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from kraken_book.contract.book_hash import HASH_FIELDS, BookHash

# Some thousand books of ten levels, a thousand of a thousand.
MOST_BYTES = 64 * 1024 * 1024

_CONFIRMED_AT = HASH_FIELDS.index("confirmed_at")

Reply = Sequence[bytes | None]
"""The fields of a book's hash, as HMGET gives them."""


class KnownBook(NamedTuple):
    """A book as it was read: since when (Unix, ns) it was confirmed, and what its age was when.

    `confirmed_at` is None if the hash says no time, `age_ms` if nothing credible says how old.
    """

    reply: Reply
    hash: BookHash
    confirmed_at: int | None
    age_ms: int | None = None
    read_at: float = 0.0

    @property
    def age_ms_now(self) -> int | None:
        """Its age as of now, by the clock of this process since it was read."""
        if self.age_ms is None:
            return None
        return self.age_ms + int((monotonic() - self.read_at) * 1000)

    def confirmed(self, reply: Reply, text: str, confirmed_at: int | None) -> KnownBook:
        """Return the same book with the confirmation of a later `reply`."""
        return KnownBook(reply, replace(self.hash, confirmed_at=text), confirmed_at)

    def is_only_confirmed_by(self, reply: Reply) -> bool:
        """Return whether `reply` differs in nothing but the time of confirmation."""
        return _without_confirmation(reply) == _without_confirmation(self.reply)


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


def _without_confirmation(reply: Reply) -> list[bytes | None]:
    return [*reply[:_CONFIRMED_AT], *reply[_CONFIRMED_AT + 1 :]]


def _size(book: KnownBook) -> int:
    # The reply and what was made of it.
    return 2 * sum(len(value or b"") for value in book.reply)
