"""Who follows books with the client, as users do, and holds each that comes against a second book.

The second one is the ladder of `tests.e2e.follower`, which shares no code with the client: what the
client hands out must be what the events lead to, and no event may be missing or come twice.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

import msgspec

from kraken_book import LiveBook, Watch, watch
from tests.e2e.follower import Ladder
from tests.e2e.processes import eventually

JOIN_SECONDS = 20.0


class ClientReader:
    """Follows symbols in a thread while its context is open; `check` raises what went wrong."""

    def __init__(self, url: str, *symbols: str) -> None:
        self.asked = symbols
        self.watch: Watch = watch(url, *symbols)
        self.ladders: dict[str, Ladder] = {}
        self.words: dict[str, list[str]] = {}
        """What each book was called, one after another: `live`, or a status with its reason."""
        self._error: Exception | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(JOIN_SECONDS)

    def book(self, symbol: str) -> LiveBook:
        """The client's book."""
        return self.watch.books[symbol]

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise AssertionError("what the client told") from self._error

    def wait_until_live(self, symbol: str, after: int = 0) -> None:
        """Return once it has this book, live and beyond a seq."""

        def is_live() -> bool:
            self.check()
            book = self.watch.books.get(symbol)
            return bool(book and book.is_live and (book.seq or 0) > after)

        eventually(is_live, f"{symbol} is live after {after}")

    def wait_for_word(self, symbol: str, word: str) -> None:
        """Return once a book is called so, as the last word of it."""

        def is_told() -> bool:
            self.check()
            return self.words.get(symbol, [""])[-1] == word

        eventually(is_told, f"{symbol} is told as {word}")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._follow())
        self._loop.run_until_complete(asyncio.wait([self._task]))
        if not self._task.cancelled():
            self._error = self._error or self._as_error(self._task.exception())
        self._loop.close()

    def _as_error(self, error: BaseException | None) -> Exception:
        return error if isinstance(error, Exception) else RuntimeError("the watch ended")

    async def _follow(self) -> None:
        async for book in self.watch:
            self._take(book)

    def _take(self, book: LiveBook) -> None:
        word = f"{book.status}: {book.reason}" if book.reason else book.status
        words = self.words.setdefault(book.symbol, [])
        if not words or words[-1] != word:
            words.append(word)
        ladder = self.ladders.setdefault(book.symbol, Ladder(book.symbol))
        event: dict[str, Any] = msgspec.to_builtins(book.event)
        ladder.take(event)
        if book.is_live:
            assert _rows(book.bids) == ladder.bids, book
            assert _rows(book.asks) == ladder.asks, book


def _rows(levels: list[Any]) -> list[list[str]]:
    return [[level.price, level.qty] for level in levels]
