"""Requests for `/symbols` and `/books`, with answers bounded in bytes and time."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import httpx
import msgspec

from kraken_book.client.address import MAX_REDIRECTS, ApiAddress
from kraken_book.client.failure import REQUEST_ERRORS, describe_failure
from kraken_book.client.refused import RefusedAnswer
from kraken_book.errors import Unreachable

# `/books` has about 3 MB for 10,000 books.
MAX_BYTES = 1 << 24
ANSWER_SECONDS = 10.0

_symbols: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])


class ListingAnswer(NamedTuple):
    """A whole answer."""

    status: int
    headers: httpx.Headers
    body: bytes


class NoAnswer(Exception):
    """The request has no usable answer; the message explains why."""


async def list_symbols(url: str, key: str | None = None) -> list[str]:
    """Return the symbols that the api at `url` serves, sorted.

    Invalid arguments raise the same errors as those of `watch`. An api that refuses the request, or
    another kind of server, raises Refused.

    Args:
        url: The address of the api.
        key: Sent as a Bearer token.

    Raises:
        Unreachable: Nothing answers at `url`.
    """
    address = ApiAddress(url, key)
    try:
        async with address.async_client(httpx.Timeout(ANSWER_SECONDS)) as client:
            answer = await ask(client, "/symbols", ANSWER_SECONDS)
    except NoAnswer as error:
        raise Unreachable(f"{address.shown}: {error}; is an api running there?") from error
    try:
        if answer.status == 200:
            return _symbols.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    refused = RefusedAnswer(answer.status, answer.headers, address.shown)
    refused.feed(answer.body)
    raise refused.refusal()


async def ask(client: httpx.AsyncClient, path: str, seconds: float) -> ListingAnswer:
    """Return the answer to a GET request for `path`.

    Raises:
        NoAnswer: The request failed, took more than `seconds`, or its answer is too large.
    """
    try:
        # The time limits of httpx are for silence, so a slow trickle of bytes would never end.
        async with asyncio.timeout(seconds):
            return await _ask(client, path)
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {seconds:g} s") from error
    except REQUEST_ERRORS as error:
        raise NoAnswer(describe_failure(error)) from error


async def _ask(client: httpx.AsyncClient, path: str) -> ListingAnswer:
    request = client.build_request("GET", path)
    for _ in range(MAX_REDIRECTS + 1):
        answer = await client.send(request, stream=True)
        try:
            if answer.next_request is None:
                return ListingAnswer(answer.status_code, answer.headers, await _body(answer))
            request = answer.next_request
        finally:
            await answer.aclose()
    raise NoAnswer("too many redirects")


async def _body(answer: httpx.Response) -> bytes:
    encoding = answer.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise NoAnswer(f"the answer is compressed by {encoding[:40]}, which was not requested")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise NoAnswer(f"the answer has more than {MAX_BYTES} bytes")
    return bytes(body)
