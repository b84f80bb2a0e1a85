"""The streams behind the ladders: one for the first books, one for each opened later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kraken_book.client import LiveBook, Refused, Watch, watch


@dataclass
class _Stream:
    watch: Watch
    wanted: set[str]
    not_yet: str | None
    """What the watch says as long as it has not tried to connect, which is no outage."""
    task: asyncio.Task[None] | None = field(default=None)


class TerminalFeed:
    """Follows books at the api at `url`; the books change in place.

    `changed` are the symbols whose book changed since it was last emptied: that, and no more, is
    what an event costs beside the book itself.

    Args:
        url: Where the api is.
        key: The reader's key.
        on_refused: Called with a stream's end if the api will never serve it.
        on_failed: Called with any other error that ended a stream.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        on_refused: Callable[[Refused], None],
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self.books: dict[str, LiveBook] = {}
        self.changed: set[str] = set()
        self._url = url
        self._key = key
        self._on_refused = on_refused
        self._on_failed = on_failed
        self._streams: list[_Stream] = []

    def follow(self, symbols: Iterable[str], *, is_all: bool = False) -> None:
        """Follow `symbols` on one stream; with `is_all` it brings those that come later, too."""
        wanted = set(symbols)
        names = ("*",) if is_all else sorted(wanted)
        changes = watch(self._url, *names, key=self._key)
        stream = _Stream(changes, wanted, changes.outage)
        stream.task = asyncio.create_task(self._run(stream))
        stream.task.add_done_callback(self._on_done)
        self._streams.append(stream)

    def leave(self, symbol: str) -> None:
        """Follow `symbol` no longer; a stream that brings others, too, goes on as it is."""
        for stream in [stream for stream in self._streams if stream.wanted == {symbol}]:
            self._streams.remove(stream)
            self.books.pop(symbol, None)
            if stream.task is not None:
                stream.task.cancel()

    def follows(self, symbol: str) -> bool:
        """Return whether a stream brings `symbol`."""
        return any(symbol in stream.wanted for stream in self._streams)

    @property
    def outage(self) -> str | None:
        """Why a stream is not there, None while all are."""
        for stream in self._streams:
            outage = stream.watch.outage
            if outage is not None and outage != stream.not_yet:
                return outage
        return None

    async def close(self) -> None:
        """Leave all streams, and return when they are left."""
        tasks = [stream.task for stream in self._streams if stream.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._streams.clear()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_failed(error)

    async def _run(self, stream: _Stream) -> None:
        books, changed = self.books, self.changed
        try:
            async with stream.watch as changes:
                async for book in changes:
                    books[book.symbol] = book
                    changed.add(book.symbol)
        except Refused as refused:
            self._on_refused(refused)
