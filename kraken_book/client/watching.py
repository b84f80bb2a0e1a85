"""`watch`: verified books from an api, as an iterator that reconnects automatically."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from kraken_book.client.address import ApiAddress
from kraken_book.client.async_books import AsyncBooks
from kraken_book.client.blocking_books import BlockingBooks
from kraken_book.client.live_book import LiveBook
from kraken_book.client.patience import Patience
from kraken_book.client.session import ClientSession
from kraken_book.errors import Unusable
from kraken_book.printable import printable

MAX_SHOWN = 60


def watch(
    url: str,
    *symbols: str | Iterable[str],
    key: str | None = None,
    give_up_after: float | None = None,
) -> Watch:
    """Return an iterable over the books of `symbols` as they change, from the api at `url`.

        async for book in watch("http://localhost:3000", "BTC/USD"):
            print(book.best_bid, book.best_ask, book.spread)

    Each event yields its book, which is verified or has a status other than `live`. Each book is
    one object, which changes in place. After a lost connection the iterator reconnects without
    limit, to any replica behind `url`, and resumes after the last event. A plain `for` without
    `async` does the same and blocks.

    Invalid arguments raise TypeError (`url`, `key` or a symbol is not a text) or Unusable, a
    ValueError: `url` is not the address of an api, `key` cannot be sent, no symbol is named, or an
    environment variable, which the message names, is invalid.

    Iterating raises UnknownSymbol or another Refused if the api will never serve the request, and
    Unreachable after `give_up_after`.

    Args:
        url: The address of the api or of a load balancer, with a path prefix if there is one.
        symbols: Names in any spelling (`BTC/USD`, `btc-usd`), as arguments or in lists. `"*"` is
            every book, including books that appear later.
        key: Sent as a Bearer token.
        give_up_after: Seconds to try if nothing ever answers at `url`; None is no limit.
    """
    return Watch(url, symbols, key, give_up_after)


class Watch:
    """The endless iterable that `watch` returns, for `for` and `async for`.

    Each iteration opens its own connection. Leaving the loop closes it: immediately in a plain
    `for`, at the next turn of the event loop in an `async for`, and at the end of an `async with`.

    Args:
        url: As for `watch`.
        symbols: As for `watch`.
        key: As for `watch`.
        give_up_after: As for `watch`.
        patience: Time limits of connecting, answers and pauses.
    """

    def __init__(
        self,
        url: str,
        symbols: Iterable[str | Iterable[str]],
        key: str | None = None,
        give_up_after: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._address = ApiAddress(url, key)
        self._symbols = _names(symbols)
        self._give_up_after = give_up_after
        self._patience = patience or Patience()
        self._session = self._new_session()
        self._iterator: weakref.ref[AsyncBooks] | None = None
        self._is_entered = False
        self._kept: AsyncBooks | None = None

    @property
    def books(self) -> Mapping[str, LiveBook]:
        """Every book that has arrived, by its symbol."""
        return self._session.books

    @property
    def outage(self) -> str | None:
        """Why there is no stream, None while there is one."""
        return self._session.outage

    def __aiter__(self) -> AsyncIterator[LiveBook]:
        self._session = self._new_session()
        books = AsyncBooks(self._session, self._address, self._patience)
        self._iterator = weakref.ref(books)
        # Within `async with`, keep the connection until the end of the block.
        self._kept = books if self._is_entered else None
        return books

    def __iter__(self) -> Iterator[LiveBook]:
        self._session = self._new_session()
        return BlockingBooks(self._session, self._address, self._patience)

    async def __aenter__(self) -> Self:
        self._is_entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        books = self._iterator() if self._iterator is not None else None
        self._is_entered, self._kept = False, None
        if books is not None:
            await books.aclose()

    def _new_session(self) -> ClientSession:
        return ClientSession(
            self._symbols, self._address.shown, self._patience, self._give_up_after
        )


def _names(symbols: Iterable[str | Iterable[str]]) -> tuple[str, ...]:
    """Return the names in the arguments of `watch`, in order and without duplicates."""
    names: list[str] = []
    for given in symbols:
        is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
        names += [_name(each) for each in given] if is_list else [_name(given)]
    # One text may contain several names, as in the query of a stream.
    parts = [part.strip() for name in names for part in name.split(",")]
    if not parts or not all(parts):
        raise Unusable("name at least one symbol such as BTC/USD, or '*' for all")
    return tuple(dict.fromkeys(parts))


def _name(given: object) -> str:
    if isinstance(given, str):
        return given
    shown = printable(repr(given), MAX_SHOWN)
    raise TypeError(
        f"{shown} is of type {type(given).__name__}, not a symbol: pass names such as 'BTC/USD' to"
        " watch(), or a list of them"
    )
