"""Polls `/books` for the status and age of every book, followed or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection

import httpx
import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.fetch import Answer, NoAnswer, fetch_async, one_request_timeout
from kraken_book.client.refused import parse_problem
from kraken_book.level import Best
from kraken_book.printable import printable

POLL_INTERVAL_SECONDS = 2.0
# A slower answer is shown as a failure.
ANSWER_SECONDS = 5.0
MAX_DETAIL = 200


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


class PollRefused(Exception):
    """The api refuses this reader for good; the message explains why."""


class PollFailed(Exception):
    """The request failed and will be repeated; the message explains why."""


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

    async def answers(self) -> AsyncIterator[list[PolledBook] | PollFailed]:
        """Yield the result of each request, without end.

        If the api refuses this reader for good, PollRefused is raised.

        Yields:
            All books, or the failure of the request.
        """
        async with self._address.async_client(one_request_timeout(ANSWER_SECONDS)) as client:
            while True:
                try:
                    yield await self._request(client)
                except PollFailed as failure:
                    yield failure
                await asyncio.sleep(self._interval)

    async def _request(self, client: httpx.AsyncClient) -> list[PolledBook]:
        asked_at = self._clock()
        answer = await fetch_answer(client, self._address, "/books", refusals=(401, 403))
        try:
            books = _books.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PollFailed("the server there is not a kraken-book api") from error
        return [_with_time(book, asked_at) for book in books]


async def fetch_answer(
    client: httpx.AsyncClient, address: ApiAddress, path: str, *, refusals: Collection[int]
) -> Answer:
    """Return an answer whose status is 200.

    Args:
        client: A client of the api.
        address: The address of the api.
        path: The path below the address.
        refusals: The statuses that another request would get too.

    Raises:
        PollFailed: There is no answer, or it has another status.
        PollRefused: The status is one of `refusals`.
    """
    try:
        answer = await fetch_async(client, address, path, ANSWER_SECONDS)
    except NoAnswer as error:
        raise PollFailed(f"{error}, the api does not answer") from error
    if answer.status in refusals:
        raise PollRefused(f"{answer.status}, {_detail(answer)}")
    if answer.status != 200:
        raise PollFailed(f"the api answers {answer.status}: {_detail(answer)}")
    return answer


def _with_time(book: PolledBook, asked_at: float) -> PolledBook:
    """Return a row with the time of its request; a row confirmed in the future is stale."""
    if book.age_ms is not None and book.age_ms < 0:
        book = msgspec.structs.replace(book, status="stale", reason="age", age_ms=None)
    return msgspec.structs.replace(book, asked_at=asked_at)


def _detail(answer: Answer) -> str:
    """Return the detail of a problem, or else HTTP's phrase for the status."""
    problem = parse_problem(answer.body)
    words = (problem and problem.detail) or httpx.codes.get_reason_phrase(answer.status)
    return printable(words, MAX_DETAIL)
