"""The streams of the ladders: one for the first books, and one for each book opened later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kraken_book.client import LiveBook, Refused, Watch, watch


@dataclass
class _Stream:
    watch: Watch
    wanted: set[str]
    initial_outage: str | None
    """The reason before the first attempt to connect, which is not shown as an outage."""
    task: asyncio.Task[None] | None = field(default=None)


class TerminalFeed:
    """Follows books of an api. The books change in place.

    `changed` collects the symbols of changed books until the caller clears it.

    Args:
        url: The address of the api.
        key: Sent as a Bearer token.
        on_refused: Called with the refusal if the api will never serve a stream.
        on_failed: Called with any other error that ends a stream.
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
        """Follow `symbols` on one stream; `is_all` includes books that appear later."""
        wanted = set(symbols)
        names = ("*",) if is_all else sorted(wanted)
        changes = watch(self._url, *names, key=self._key)
        stream = _Stream(changes, wanted, changes.outage)
        stream.task = asyncio.create_task(self._run(stream))
        stream.task.add_done_callback(self._on_done)
        self._streams.append(stream)

    def leave(self, symbol: str) -> None:
        """Close the stream of `symbol`, unless it also has other books."""
        for stream in [stream for stream in self._streams if stream.wanted == {symbol}]:
            self._streams.remove(stream)
            self.books.pop(symbol, None)
            if stream.task is not None:
                stream.task.cancel()

    def follows(self, symbol: str) -> bool:
        """Return whether a stream was opened for `symbol`."""
        return any(symbol in stream.wanted for stream in self._streams)

    @property
    def outage(self) -> str | None:
        """Why there is no stream for some books, None while all streams are open."""
        for stream in self._streams:
            outage = stream.watch.outage
            if outage is not None and outage != stream.initial_outage:
                return outage
        return None

    async def close(self) -> None:
        """Close all streams, and return when they are closed."""
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
