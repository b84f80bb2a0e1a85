"""A reader that follows books with the Python client, as users do, and checks each with a ladder.

The client connects, reconnects, resumes, and says whether a book is live. The ladder shares no code
with it: the client's book must be what the events lead to, and each number must be accounted for.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from kraken_book import LiveBook, Watch, watch
from lab.ladder import Ladder
from lab.sse.record import Record
from lab.waiting import wait_until

JOIN_SECONDS = 20.0


class ClientReader:
    """Follows symbols in a thread until the context ends; `check` raises what went wrong."""

    def __init__(self, url: str, *symbols: str) -> None:
        self.asked = symbols
        self.watch: Watch = watch(url, *symbols)
        self.error: str | None = None
        """What went wrong, if anything did."""
        self._records: dict[str, Record] = {}
        self._may_repeat = len(symbols) > 1 or "*" in symbols
        self._thread = threading.Thread(target=self._run, name=f"reader of {symbols}", daemon=True)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._follow())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(JOIN_SECONDS)
        self._loop.close()

    @property
    def record(self) -> Record:
        """The record of its book, if it follows one."""
        (symbol,) = self.asked
        return self.of(symbol)

    def of(self, symbol: str) -> Record:
        """Return the record of a book, also before its first event."""
        record = self._records.get(symbol)
        if record is None:
            new = Record(symbol, may_repeat=self._may_repeat)
            record = self._records.setdefault(symbol, new)
        return record

    def book(self, symbol: str) -> LiveBook:
        """Return the client's book."""
        return self.watch.books[symbol]

    def ladder(self, symbol: str) -> Ladder:
        """Return the ladder of a book."""
        return self.of(symbol).account.ladder

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        assert self.error is None, self.error

    def wait_until_live(self, symbol: str, after: int = 0) -> None:
        """Return when this book is live and beyond a seq."""
        record = self.of(symbol)

        def is_live() -> bool:
            self.check()
            return record.is_live and record.account.ladder.seq > after

        wait_until(is_live, f"{symbol} is live after {after}")

    def wait_for_word(self, symbol: str, word: str) -> None:
        """Return when `word` is the last status word of a book."""
        record = self.of(symbol)

        def is_told() -> bool:
            self.check()
            return bool(record.words) and record.words[-1].text == word

        wait_until(is_told, f"{symbol} is told as {word}")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.wait([self._task]))
        if not self._task.cancelled():
            error = self._task.exception() or RuntimeError("the watch ended")
            self.error = f"{self._thread.name}: {type(error).__name__}: {error}"

    async def _follow(self) -> None:
        async with self.watch:
            async for book in self.watch:
                self.of(book.symbol).take(book, self.watch.outage)
