"""Functions for one call each: they open a client, ask, and close it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

from kraken_book.client.api_calls import ATTEMPTS, TIMEOUT
from kraken_book.client.arguments import Time
from kraken_book.client.async_client import AsyncClient
from kraken_book.client.best import BestPrices
from kraken_book.client.blocking_client import Client
from kraken_book.client.past_events import MAX_LIMIT, PAGE_LIMIT, EventPage, PastEvent
from kraken_book.frozen_book import FrozenBook

__all__ = [
    "get_best",
    "get_book",
    "get_books",
    "get_events",
    "get_symbols",
    "iter_events",
    "list_symbols",
]


def get_book(
    url: str,
    symbol: str,
    *,
    key: str | None = None,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
    only_live: bool = True,
) -> FrozenBook:
    """Return the current book of a symbol from the api at `url`, verified by its checksum.

    Args:
        url: As for `Client`.
        symbol: As for `Client.get_book`.
        key: As for `Client`.
        timeout: As for `Client`.
        attempts: As for `Client`.
        only_live: As for `Client.get_book`.
    """
    with Client(url, key=key, timeout=timeout, attempts=attempts) as client:
        return client.get_book(symbol, only_live=only_live)


def get_books(
    url: str,
    *symbols: str | Iterable[str],
    key: str | None = None,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
    only_live: bool = True,
) -> dict[str, FrozenBook]:
    """Return the current books of symbols from the api at `url`, by symbol.

    Args:
        url: As for `Client`.
        symbols: As for `Client.get_books`.
        key: As for `Client`.
        timeout: As for `Client`; for each book.
        attempts: As for `Client`; for each book.
        only_live: As for `Client.get_books`.
    """
    with Client(url, key=key, timeout=timeout, attempts=attempts) as client:
        return client.get_books(*symbols, only_live=only_live)


def get_best(
    url: str,
    pair: str,
    *,
    key: str | None = None,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
) -> BestPrices:
    """Return the best prices of a pair over all venues from the api at `url`.

    Args:
        url: As for `Client`.
        pair: As for `Client.get_best`.
        key: As for `Client`.
        timeout: As for `Client`.
        attempts: As for `Client`.
    """
    with Client(url, key=key, timeout=timeout, attempts=attempts) as client:
        return client.get_best(pair)


def get_symbols(
    url: str, *, key: str | None = None, timeout: float = TIMEOUT, attempts: int = ATTEMPTS
) -> list[str]:
    """Return the symbols that the api at `url` serves, sorted.

    Args:
        url: As for `Client`.
        key: As for `Client`.
        timeout: As for `Client`.
        attempts: As for `Client`.
    """
    with Client(url, key=key, timeout=timeout, attempts=attempts) as client:
        return client.get_symbols()


def get_events(
    url: str,
    symbol: str,
    *,
    start: Time | None = None,
    after: str | None = None,
    end: Time | None = None,
    limit: int = PAGE_LIMIT,
    key: str | None = None,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
) -> EventPage:
    """Return one page of the past events of a book from the api at `url`, oldest first.

    Args:
        url: As for `Client`.
        symbol: As for `Client.get_events`.
        start: As for `Client.get_events`.
        after: As for `Client.get_events`.
        end: As for `Client.get_events`.
        limit: As for `Client.get_events`.
        key: As for `Client`.
        timeout: As for `Client`.
        attempts: As for `Client`.
    """
    with Client(url, key=key, timeout=timeout, attempts=attempts) as client:
        return client.get_events(symbol, start=start, after=after, end=end, limit=limit)


def iter_events(
    url: str,
    symbol: str,
    *,
    start: Time | None = None,
    after: str | None = None,
    end: Time | None = None,
    limit: int = MAX_LIMIT,
    key: str | None = None,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
) -> Iterator[PastEvent]:
    """Return an iterator over the past events of a book from the api at `url`, oldest first.

    See `Client.iter_events`.

    Args:
        url: As for `Client`.
        symbol: As for `Client.get_events`.
        start: As for `Client.get_events`.
        after: As for `Client.get_events`.
        end: As for `Client.get_events`.
        limit: As for `Client.iter_events`.
        key: As for `Client`.
        timeout: As for `Client`; for each page.
        attempts: As for `Client`; for each page.
    """
    client = Client(url, key=key, timeout=timeout, attempts=attempts)
    events = client.iter_events(symbol, start=start, after=after, end=end, limit=limit)
    return _closed_after(client, events)


def _closed_after(client: Client, events: Iterator[PastEvent]) -> Iterator[PastEvent]:
    with client:
        yield from events


async def list_symbols(url: str, key: str | None = None) -> list[str]:
    """Return the symbols of an api: the old name of `AsyncClient.get_symbols`, deprecated.

    Args:
        url: As for `Client`.
        key: As for `Client`.
    """
    warnings.warn(
        "list_symbols is deprecated: use AsyncClient(url).get_symbols(), or get_symbols(url)"
        " without asyncio",
        DeprecationWarning,
        stacklevel=2,
    )
    async with AsyncClient(url, key=key) as client:
        return await client.get_symbols()
