"""Books as they lie in Redis, each with its age by the clock of its own node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ClusterDownError, MovedError, RedisError

from api.frame_log import Place
from kraken_book.redis_contract.book_hash import BookHash, parse_book_hash
from kraken_book.redis_contract.keys import SYMBOLS, book_key
from kraken_book.redis_contract.symbol_state import SymbolState, decode_symbol_state
from kraken_book.times import parse_rfc3339
from service.logs import get_logger
from service.redis_nodes import Nodes

log = get_logger(__name__)


class StoredBook(NamedTuple):
    """A book's hash, and since how many milliseconds it is not known to match Kraken.

    `age_ms` is None where there never was a book.
    """

    hash: BookHash
    age_ms: int | None

    @property
    def place(self) -> Place | None:
        """Where the book stands among its symbol's events; None where there is none."""
        return Place(self.hash.epoch, self.hash.seq) if self.hash.view is not None else None

    def status(self, max_age: float) -> str:
        """The status as of now: a live book older than `max_age` seconds is stale."""
        old = self.age_ms is not None and self.age_ms > max_age * 1000
        return "stale" if old and self.hash.status == "live" else self.hash.status


class BookStore:
    """Reads what collectors left in Redis; every method raises redis.RedisError or OSError."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self._nodes.ping()

    async def symbols(self) -> dict[str, SymbolState]:
        """Every configured symbol, by name."""
        reply = cast("dict[bytes, bytes]", await self._nodes.call(SYMBOLS, "HGETALL", SYMBOLS))
        return dict(_states(reply))

    async def book(self, symbol: str) -> StoredBook | None:
        """The book of `symbol`, None where Redis has nothing of it."""
        return (await self.books([symbol]))[0]

    async def books(self, symbols: Sequence[str]) -> list[StoredBook | None]:
        """The books of `symbols`, in their order; None also where what is there is no book.

        And None where a node does not answer, unless none of those asked does: that raises.
        """
        reading = [self._books_at(node, asked) for node, asked in self._by_node(symbols).items()]
        if len(reading) == 1:
            only = await reading[0]
            return [only[symbol] for symbol in symbols]
        found: dict[str, StoredBook | None] = {}
        failures: list[BaseException] = []
        for read in await asyncio.gather(*reading, return_exceptions=True):
            if isinstance(read, (RedisError, OSError)):
                failures.append(read)
            elif isinstance(read, BaseException):
                raise read
            else:
                found.update(read)
        if failures and not found:
            raise failures[0]
        return [found.get(symbol) for symbol in symbols]

    def _by_node(self, symbols: Iterable[str]) -> dict[Redis, list[str]]:
        by_node: dict[Redis, list[str]] = {}
        for symbol in symbols:
            by_node.setdefault(self._nodes.of(book_key(symbol)), []).append(symbol)
        return by_node

    async def _books_at(self, node: Redis, symbols: Sequence[str]) -> dict[str, StoredBook | None]:
        commands = [("HGETALL", book_key(symbol)) for symbol in symbols]
        # One symbol's key that holds something else must not cost the others their answer.
        time, *hashes = await self._nodes.send(node, [("TIME",), *commands])
        if isinstance(time, Exception):
            raise time
        seconds, microseconds = time
        now = (seconds * 1_000_000 + microseconds) * 1000
        found: dict[str, StoredBook | None] = {}
        for symbol, reply in zip(symbols, hashes, strict=True):
            if isinstance(reply, ClusterDownError):
                raise reply
            if isinstance(reply, MovedError):
                found |= await self._books_moved(node, symbol, reply)
            else:
                found[symbol] = _stored(symbol, reply, now)
        return found

    async def _books_moved(
        self, node: Redis, symbol: str, error: MovedError
    ) -> dict[str, StoredBook | None]:
        """The book of a symbol that `node` has no more."""
        other = self._nodes.of(book_key(symbol))
        if other is node:
            raise error
        return await self._books_at(other, [symbol])


def _states(reply: Mapping[bytes, bytes]) -> Iterator[tuple[str, SymbolState]]:
    for name, data in sorted(reply.items()):
        try:
            yield name.decode(), decode_symbol_state(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("what kraken:symbols says is no state", field=name, error=str(error))


def _stored(symbol: str, reply: object, now: int) -> StoredBook | None:
    if isinstance(reply, Exception):
        log.error("a book cannot be read", symbol=symbol, error=str(reply))
        return None
    try:
        book = parse_book_hash(cast("dict[bytes, bytes]", reply))
        if book is None:
            return None
        if book.view is None:
            return StoredBook(book, None)
        return StoredBook(book, max(0, (now - parse_rfc3339(book.confirmed_at)) // 1_000_000))
    except ValueError as error:
        log.error("what lies in redis is no book", symbol=symbol, error=str(error))
        return None
