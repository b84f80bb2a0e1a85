"""A reader that follows books with the Python client, and checks each book with a `Ladder`.

The client connects, reconnects, resumes and decides whether a book is live. The ladder, an
independent witness, shares no code with it. The client's book must equal the ladder's, and every
seq must be accounted for.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from kraken_book import LiveBook, Watch
from kraken_book.client.patience import DEFAULT_PATIENCE, Patience
from lab.ladder import Ladder
from lab.sse.record import Record
from lab.waiting import wait_until

JOIN_TIMEOUT = 20.0
CLOSE_TIMEOUT = 5.0


class ClientReader:
    """A reader that follows symbols in a thread until the context ends.

    Args:
        url: The address of the api.
        symbols: The symbols to follow, or `*`.
        patience: The time limits of the client.
        key: The key for the api.

    """

    def __init__(
        self,
        url: str,
        *symbols: str,
        patience: Patience = DEFAULT_PATIENCE,
        key: str | None = None,
    ) -> None:
        self.asked = symbols
        self.watch = Watch(url, symbols, key=key, patience=patience)
        self.error: str | None = None
        """The error that ended the thread, or None."""
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
        self._thread.join(JOIN_TIMEOUT)
        self._loop.close()

    @property
    def record(self) -> Record:
        """The record of the book, if the reader follows only one."""
        (symbol,) = self.asked
        return self.of(symbol)

    def of(self, symbol: str) -> Record:
        """Return the record of a book; it is empty before the first event."""
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
        """Fail if an error has ended the thread."""
        assert self.error is None, self.error

    def wait_until_live(self, symbol: str, after: int = 0) -> None:
        """Wait until this book is live and its seq is greater than `after`."""
        record = self.of(symbol)

        def is_live() -> bool:
            self.check()
            return record.is_live and record.account.ladder.seq > after

        wait_until(is_live, f"{symbol} is live with a seq above {after}")

    def wait_for_word(self, symbol: str, word: str) -> None:
        """Wait until `word` is the last status of a book in its record."""
        record = self.of(symbol)

        def is_last() -> bool:
            self.check()
            return bool(record.words) and record.words[-1].text == word

        wait_until(is_last, f"the status of {symbol} is {word}")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.wait([self._task]))
        # Generators that are closed by the garbage collector close in tasks of the loop.
        if pending := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(pending, timeout=CLOSE_TIMEOUT))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        if not self._task.cancelled():
            error = self._task.exception() or RuntimeError("the watch ended")
            self.error = f"{self._thread.name}: {type(error).__name__}: {error}"

    async def _follow(self) -> None:
        async with self.watch:
            async for book in self.watch:
                self.of(book.symbol).take(book, self.watch.outage)
