"""Polls `/books` for the status and age of every book, followed or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.level import Best
from kraken_book.terminal.polling import PollFailed, fetch_answer, poll_answers

POLL_INTERVAL_SECONDS = 2.0


class PolledBook(msgspec.Struct, frozen=True):
    """A row of `/books`."""

    symbol: str
    status: str
    reason: str | None = None
    source: str | None = None
    age_ms: int | None = None
    best_bid: Best | None = None
    best_ask: Best | None = None
    spread: str | None = None
    seq: int | None = None
    asked_at: float = 0.0
    """The time of the request, by the poll's clock."""

    def age(self, now: float) -> float | None:
        """Return the seconds since the book was last confirmed.

        The time since the request is added, so the result is never too small.
        """
        return None if self.age_ms is None else self.age_ms / 1000 + now - self.asked_at


_books = msgspec.json.Decoder(list[PolledBook])


class BooksPoll:
    """Requests all books of the api at `url` periodically.

    Args:
        url: The address of the api.
        key: Sent as a Bearer token.
        clock: A monotonic clock in seconds, for ages.
        interval: Seconds between two requests.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        clock: Callable[[], float],
        interval: float = POLL_INTERVAL_SECONDS,
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._address = ApiAddress(url, key)

    def answers(self) -> AsyncIterator[list[PolledBook] | PollFailed]:
        """Return the results of the requests, without end.

        If the api refuses this reader for good, the iterator raises PollRefused.

        Returns:
            For each request all books, or its failure.
        """
        return poll_answers(self._address, self._interval, self._request)

    async def _request(self, client: httpx.AsyncClient) -> list[PolledBook]:
        asked_at = self._clock()
        answer = await fetch_answer(client, self._address, "/books", refusals=(401, 403))
        try:
            books = _books.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PollFailed("the server there is not a kraken-book api") from error
        return [_with_time(book, asked_at) for book in books]


def _with_time(book: PolledBook, asked_at: float) -> PolledBook:
    """Return a row with the time of its request; a row confirmed in the future is stale."""
    if book.age_ms is not None and book.age_ms < 0:
        book = msgspec.structs.replace(book, status="stale", reason="age", age_ms=None)
    return msgspec.structs.replace(book, asked_at=asked_at)
