"""One GET request and its whole answer, bounded in bytes and time, with and without asyncio."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import httpx

from kraken_book.client.address import MAX_REDIRECTS, ApiAddress
from kraken_book.client.answer_timer import AnswerTimer
from kraken_book.client.failure import REQUEST_ERRORS, failure_of
from kraken_book.client.outage import Failure, hint_for, too_slow
from kraken_book.client.refused import JSON, RefusedAnswer
from kraken_book.errors import KrakenBookError, Unreachable

__all__ = ["Answer", "NoAnswer", "fetch", "fetch_async", "one_request_timeout"]

# `/books` has about 3 MB for 10,000 books.
MAX_BYTES = 1 << 24
CONNECT_SECONDS = 5.0


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: httpx.Headers
    body: bytes

    def error(self, address: ApiAddress) -> KrakenBookError:
        """Return the error of an unexpected answer."""
        refused = RefusedAnswer(self.status, self.headers, address.server, JSON, MAX_BYTES)
        refused.feed(self.body)
        return refused.error()


class NoAnswer(Exception):
    """The request has no usable answer.

    Args:
        failure: Why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.words)
        self._failure = failure

    def error(self, address: ApiAddress) -> Unreachable:
        """Return the error for callers of the library."""
        kind = self._failure.kind
        return kind(f"{address.shown}: {self._failure.words}{hint_for(kind)}")


class _TooLarge(ValueError):
    """An answer is larger than any of an api; the message says how large."""


def one_request_timeout(seconds: float) -> httpx.Timeout:
    """Return the part of a time limit that httpx enforces: connecting.

    The rest ends with the whole request; httpx's own limit of silence is only a second line.
    """
    return httpx.Timeout(2 * seconds, connect=min(seconds, CONNECT_SECONDS))


async def fetch_async(
    client: httpx.AsyncClient, address: ApiAddress, path: str, seconds: float
) -> Answer:
    """Return the answer to a GET request.

    Args:
        client: A client of the api.
        address: The address of the api.
        path: The path below the address, and the query.
        seconds: The time limit, from connecting to the last byte.

    Raises:
        NoAnswer: The request failed, took more than `seconds`, or its answer is too large.
    """
    try:
        # The time limits of httpx are for silence, so a slow trickle of bytes would never end.
        async with asyncio.timeout(seconds):
            return await _answer_async(client, path)
    except TimeoutError as error:
        raise NoAnswer(too_slow(seconds)) from error
    except REQUEST_ERRORS as error:
        raise NoAnswer(failure_of(error, address.proxy_variable)) from error


def fetch(client: httpx.Client, address: ApiAddress, path: str, seconds: float) -> Answer:
    """Return the answer to a GET request, as `fetch_async`, and block.

    Args:
        client: As for `fetch_async`.
        address: As for `fetch_async`.
        path: As for `fetch_async`.
        seconds: As for `fetch_async`.

    Raises:
        NoAnswer: The request failed, took more than `seconds`, or its answer is too large.
    """
    timer = AnswerTimer()
    try:
        with timer.limit(seconds):
            answer = _answer(client, timer, path)
    except REQUEST_ERRORS as error:
        expired = timer.has_expired
        failure = too_slow(seconds) if expired else failure_of(error, address.proxy_variable)
        raise NoAnswer(failure) from error
    if timer.has_expired:
        # A body without a length ends where the timer cut it.
        raise NoAnswer(too_slow(seconds))
    return answer


async def _answer_async(client: httpx.AsyncClient, path: str) -> Answer:
    request = client.build_request("GET", path)
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        try:
            if response.next_request is None:
                body = _Body(response)
                async for chunk in response.aiter_raw():
                    body.feed(chunk)
                return body.answer()
            request = response.next_request
        finally:
            await response.aclose()
    raise httpx.TooManyRedirects("too many redirects", request=request)


def _answer(client: httpx.Client, timer: AnswerTimer, path: str) -> Answer:
    extensions = {"trace": timer.trace, "timeout": client.timeout.as_dict()}
    request = client.build_request("GET", path, extensions=extensions)
    for _ in range(MAX_REDIRECTS + 1):
        response = client.send(request, stream=True)
        try:
            if response.next_request is None:
                body = _Body(response)
                for chunk in response.iter_raw():
                    body.feed(chunk)
                return body.answer()
            request = response.next_request
        finally:
            response.close()
    raise httpx.TooManyRedirects("too many redirects", request=request)


class _Body:
    """The body of a response, which must be uncompressed and of limited size."""

    def __init__(self, response: httpx.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise _TooLarge(f"the answer is compressed by {encoding[:40]}, which was not requested")
        self._response = response
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._bytes += chunk
        if len(self._bytes) > MAX_BYTES:
            raise _TooLarge(f"the answer has more than {MAX_BYTES} bytes")

    def answer(self) -> Answer:
        return Answer(self._response.status_code, self._response.headers, bytes(self._bytes))
