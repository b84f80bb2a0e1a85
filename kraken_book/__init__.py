"""Kraken's level-2 books: the book and its checksum, its events, and how both lie in Redis.

Pure: no module here does I/O. In the order that data flows: `precision` makes exact integers of
price and quantity texts, `level` holds one price's texts ready, `book` applies and verifies,
`event` renders what changed, `redis_contract` says where and in what form it is kept.
"""

from kraken_book.book import Book, BookError, ChecksumMismatch, CrossedBook
from kraken_book.level import Level, LevelError
from kraken_book.precision import Precision

__all__ = [
    "Book",
    "BookError",
    "ChecksumMismatch",
    "CrossedBook",
    "Level",
    "LevelError",
    "Precision",
]
