"""`/books`, every two seconds: every book's status and age, also of those that nobody follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec

from kraken_book.client.address import http_options
from kraken_book.level import Best

INTERVAL_SECONDS = 2.0
# An api that needs longer than this is no answer to somebody who looks.
PATIENCE_SECONDS = 5.0


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
        """Since how many seconds the book is not known to match Kraken.

        It counts from before the question, so it is never younger than the truth.
        """
        return None if self.age_ms is None else self.age_ms / 1000 + max(now - self.asked_at, 0.0)


class PollRefused(Exception):
    """The api will never answer this reader; the message says why."""


class PollFailed(Exception):
    """There is no answer now; the message says why."""


class _Problem(msgspec.Struct):
    detail: str = ""


_books = msgspec.json.Decoder(list[PolledBook])
_problem = msgspec.json.Decoder(_Problem)


class BooksPoll:
    """Asks the api at `url` for all its books, again and again."""

    def __init__(self, url: str, key: str | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._options = http_options(url, key, httpx.Timeout(PATIENCE_SECONDS))

    async def answers(self) -> AsyncIterator[list[PolledBook] | PollFailed]:
        """The books, or why there are none, for ever; raises PollRefused."""
        async with httpx.AsyncClient(**self._options) as client:
            while True:
                try:
                    yield await self._ask(client)
                except PollFailed as failure:
                    yield failure
                await asyncio.sleep(INTERVAL_SECONDS)

    async def _ask(self, client: httpx.AsyncClient) -> list[PolledBook]:
        asked_at = self._clock()
        try:
            # The time-out of a client is one of silence: what trickles in has to end, too.
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await client.get("/books")
        except (httpx.RequestError, TimeoutError) as error:
            raise PollFailed("the api does not answer") from error
        if answer.status_code in {401, 403}:
            raise PollRefused(f"{answer.status_code}, {_detail(answer)}")
        if not answer.is_success:
            raise PollFailed(f"the api answers {answer.status_code}: {_detail(answer)}")
        try:
            books = _books.decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PollFailed("what answers there is no api of kraken-book") from error
        return [msgspec.structs.replace(book, asked_at=asked_at) for book in books]


def _detail(answer: httpx.Response) -> str:
    """What a problem says, or else HTTP's own words."""
    try:
        return _problem.decode(answer.content).detail or answer.reason_phrase
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer.reason_phrase
