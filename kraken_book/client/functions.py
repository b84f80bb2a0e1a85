"""Functions for one call each: they open a client, ask, and close it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from kraken_book.client.api_client import ATTEMPTS, TIMEOUT, AsyncClient, Client
from kraken_book.frozen_book import FrozenBook

__all__ = ["get_book", "get_books", "get_symbols", "list_symbols"]


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
