"""Request a route of an api again and again, and tell failures that pass from refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import TypeVar

import httpx

from kraken_book.client.address import ApiAddress
from kraken_book.client.fetch import Answer, NoAnswer, fetch_async, one_request_timeout
from kraken_book.client.refused import parse_problem
from kraken_book.printable import printable

# A slower answer is shown as a failure.
ANSWER_SECONDS = 5.0
MAX_DETAIL = 200

_T = TypeVar("_T")


class PollRefused(Exception):
    """The api refuses this reader for good; the message explains why."""


class PollFailed(Exception):
    """The request failed and will be repeated; the message explains why."""


async def poll_answers(
    address: ApiAddress, interval: float, request: Callable[[httpx.AsyncClient], Awaitable[_T]]
) -> AsyncIterator[_T | PollFailed]:
    """Yield the result of each request, without end.

    Args:
        address: The address of the api.
        interval: Seconds between two requests.
        request: Does one request. It raises PollFailed if the next one may succeed, and PollRefused
            to end the polling.

    Yields:
        What `request` returned, or the failure of the request.
    """
    async with address.async_client(one_request_timeout(ANSWER_SECONDS)) as client:
        while True:
            try:
                yield await request(client)
            except PollFailed as failure:
                yield failure
            await asyncio.sleep(interval)


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


def _detail(answer: Answer) -> str:
    """Return the detail of a problem, or else HTTP's phrase for the status."""
    problem = parse_problem(answer.body)
    words = (problem and problem.detail) or httpx.codes.get_reason_phrase(answer.status)
    return printable(words, MAX_DETAIL)
