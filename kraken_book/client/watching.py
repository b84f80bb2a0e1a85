"""`watch`: verified books from an api, as an iterator that comes back by itself."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from kraken_book.client.address import ApiAddress
from kraken_book.client.following import AsyncBooks, BlockingBooks, Patience
from kraken_book.client.live_book import LiveBook
from kraken_book.client.session import ClientSession
from kraken_book.errors import Unusable
from kraken_book.printable import printable

# An api says something every 15 s; one that does not is not there, whatever TCP thinks.
SILENCE_SECONDS = 20.0
CONNECT_SECONDS = 5.0
MAX_SHOWN = 60


def watch(
    url: str,
    *symbols: str | Iterable[str],
    key: str | None = None,
    give_up_after: float | None = None,
) -> Watch:
    """Return the books of `symbols` as they change, from the api (or load balancer) at `url`.

        async for book in watch("http://localhost:3000", "BTC/USD"):
            print(book.best_bid, book.best_ask, book.spread)

    Each event gives its book, verified, or with the status that says why it is not to be trusted;
    each book is one object, changed in place. A lost connection is made again for ever, on
    whichever replica answers, and goes on where it stopped. Without `async`, a plain `for` does the
    same and blocks.

    Args:
        url: Where the api is; a path before its own routes is kept.
        symbols: Names as people write them (`BTC/USD`, `btc-usd`), one by one or in lists; `"*"` is
            every book, also those that come later.
        key: Sent as a Bearer token.
        give_up_after: For how many seconds to try if nothing ever answers at `url`; None tries for
            ever.

    Raises:
        TypeError: `url`, `key` or a symbol is no text.
        ValueError: `url` is no address of an api, `key` is none, no symbol is named, or a variable
            of the environment, which the message names, has a value that cannot be used.

    Iterating raises UnknownSymbol or another Refused if the api will never serve this, and
    Unreachable after `give_up_after`.
    """
    return Watch(url, symbols, key, give_up_after)


class Watch:
    """An endless iterable, async or not, over changed books; what `watch` returns.

    Iterating twice begins twice. If the loop is left, so is the connection: at once in a plain
    `for`; as soon as the event loop runs on in an `async for`; at the end of an `async with`.

    Args:
        url: As for `watch`.
        symbols: As for `watch`.
        key: As for `watch`.
        give_up_after: As for `watch`.
        patience: How long each phase of a request may take.
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
        self._patience = patience or Patience(connect=CONNECT_SECONDS, silence=SILENCE_SECONDS)
        self._session = self._new_session()
        self._iterator: weakref.ref[AsyncBooks] | None = None
        self._is_entered = False
        self._kept: AsyncBooks | None = None

    @property
    def books(self) -> Mapping[str, LiveBook]:
        """Every book that has come, by its symbol."""
        return self._session.books

    @property
    def outage(self) -> str | None:
        """Why there is no connection, None while there is one."""
        return self._session.outage

    def __aiter__(self) -> AsyncIterator[LiveBook]:
        self._session = self._new_session()
        books = AsyncBooks(self._session, self._address, self._patience)
        self._iterator = weakref.ref(books)
        # Within `async with` it is left at the end of the block, and not before.
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
            self._symbols, self._address.shown, self._patience.silence, self._give_up_after
        )


def _names(symbols: Iterable[str | Iterable[str]]) -> tuple[str, ...]:
    """Return the names in the arguments of `watch`, in their order, each once."""
    names: list[str] = []
    for given in symbols:
        is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
        names += [_name(each) for each in given] if is_list else [_name(given)]
    # As in the address of a stream, one text may name several.
    parts = [part.strip() for name in names for part in name.split(",")]
    if not parts or not all(parts):
        raise Unusable("name at least one symbol such as BTC/USD, or '*' for all")
    return tuple(dict.fromkeys(parts))


def _name(given: object) -> str:
    if isinstance(given, str):
        return given
    shown = printable(repr(given), MAX_SHOWN)
    raise TypeError(
        f"{shown} is no symbol: watch() takes names such as 'BTC/USD', or a list of them,"
        f" not {type(given).__name__}"
    )
