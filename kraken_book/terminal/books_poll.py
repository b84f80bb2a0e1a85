"""`/books` every two seconds: the status and age of every book, followed or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.listing import ListingAnswer, NoAnswer, ask
from kraken_book.client.refused import parse_problem
from kraken_book.level import Best
from kraken_book.printable import printable

INTERVAL_SECONDS = 2.0
# An api that needs longer than this is shown as one that does not answer.
PATIENCE_SECONDS = 5.0
MAX_DETAIL = 200


class PolledBook(msgspec.Struct, frozen=True):
    """A book as `/books` told it."""

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
    """When it was asked for, by the clock of the poll."""

    def age(self, now: float) -> float | None:
        """Return the seconds since the book was last known to match Kraken.

        They count from before the request, so the book is never younger than that.
        """
        return None if self.age_ms is None else self.age_ms / 1000 + now - self.asked_at


class PollRefused(Exception):
    """The api will never answer this reader; the message says why."""


class PollFailed(Exception):
    """There is no answer now; the message says why."""


_books = msgspec.json.Decoder(list[PolledBook])


class BooksPoll:
    """Asks the api at `url` for all its books, again and again."""

    def __init__(self, url: str, key: str | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._address = ApiAddress(url, key)

    async def answers(self) -> AsyncIterator[list[PolledBook] | PollFailed]:
        """Yield the books, or why there are none, for ever.

        Raises:
            PollRefused: The api will never answer this reader.
        """
        async with self._address.async_client(httpx.Timeout(PATIENCE_SECONDS)) as client:
            while True:
                try:
                    yield await self._ask(client)
                except PollFailed as failure:
                    yield failure
                await asyncio.sleep(INTERVAL_SECONDS)

    async def _ask(self, client: httpx.AsyncClient) -> list[PolledBook]:
        asked_at = self._clock()
        try:
            answer = await ask(client, "/books", PATIENCE_SECONDS)
        except NoAnswer as error:
            raise PollFailed(f"{error}, the api does not answer") from error
        if answer.status in {401, 403}:
            raise PollRefused(f"{answer.status}, {_detail(answer)}")
        if answer.status != 200:
            raise PollFailed(f"the api answers {answer.status}: {_detail(answer)}")
        try:
            books = _books.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PollFailed("what answers there is no api of kraken-book") from error
        return [_as_asked(book, asked_at) for book in books]


def _as_asked(book: PolledBook, asked_at: float) -> PolledBook:
    """Return a row with the time of its question; one confirmed in the future is not trusted."""
    if book.age_ms is not None and book.age_ms < 0:
        book = msgspec.structs.replace(book, status="stale", reason="age", age_ms=None)
    return msgspec.structs.replace(book, asked_at=asked_at)


def _detail(answer: ListingAnswer) -> str:
    """Return what a problem says, or else HTTP's own words."""
    problem = parse_problem(answer.body)
    words = (problem and problem.detail) or httpx.codes.get_reason_phrase(answer.status)
    return printable(words, MAX_DETAIL)
