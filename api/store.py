"""Books as they lie in Redis, each with its age by the clock of its own node."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import NamedTuple, cast

import msgspec
from redis.exceptions import ClusterDownError, MovedError, RedisError

from api.frame_log import Place
from api.known_books import KnownBook, KnownBooks, Reply
from api.shared_reads import SharedReads
from api.turns import Turns
from kraken_book.redis_contract.book_hash import HASH_FIELDS, BookHash, parse_book_hash
from kraken_book.redis_contract.keys import SYMBOLS, book_key
from kraken_book.redis_contract.symbol_state import SymbolState, decode_symbol_state
from kraken_book.times import parse_rfc3339
from service.logs import get_logger
from service.redis_exchange import RedisNode
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
    """Reads what collectors left in Redis; what waits for it raises redis.RedisError or OSError.

    Books asked for at the same time are read once; a write that was acknowledged before a book is
    asked for is in it.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._shared = SharedReads(self._books_at)
        self._known = KnownBooks()

    async def ping(self) -> None:
        """Return if Redis answers."""
        await self._nodes.ping()

    async def symbols(self) -> dict[str, SymbolState]:
        """Every configured symbol, by name."""
        reply = cast("dict[bytes, bytes]", await self._nodes.call(SYMBOLS, "HGETALL", SYMBOLS))
        return dict(_states(reply))

    async def book(self, symbol: str) -> StoredBook | None:
        """The book of `symbol`, None where Redis has nothing of it."""
        found = await self._shared.get(self._nodes.of(book_key(symbol)), (symbol,))
        return found[symbol]

    def known(self, symbol: str) -> StoredBook | None:
        """The last book of `symbol` that was read here, as old as it is by now; asks nobody.

        It is `stale` where it was live: nobody knows whether it is followed.
        """
        known = self._known.get(symbol)
        if known is None:
            return None
        stored = known.hash
        if stored.status == "live":
            stored = msgspec.structs.replace(stored, status="stale")
        return StoredBook(stored, known.age_ms_now)

    async def books(self, symbols: Sequence[str]) -> list[StoredBook | None]:
        """The books of `symbols`, in their order; None also where what is there is no book.

        And None where a node does not answer, unless none of those asked does: that raises.
        """
        reading = [self._shared.get(node, asked) for node, asked in self._by_node(symbols).items()]
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

    def _by_node(self, symbols: Iterable[str]) -> dict[RedisNode, list[str]]:
        by_node: dict[RedisNode, list[str]] = {}
        for symbol in symbols:
            by_node.setdefault(self._nodes.of(book_key(symbol)), []).append(symbol)
        return by_node

    async def _books_at(
        self, node: RedisNode, symbols: Collection[str], *, moves: int = 1
    ) -> dict[str, StoredBook | None]:
        commands = [("HMGET", book_key(symbol), *HASH_FIELDS) for symbol in symbols]
        # No book is younger than this: its age counts from before Redis told its clock.
        begun = monotonic()
        # One symbol's key that holds something else must not cost the others their answer.
        time, *hashes = await self._nodes.send(node, [("TIME",), *commands])
        if isinstance(time, Exception):
            raise time
        seconds, microseconds = time
        now = (seconds * 1_000_000 + microseconds) * 1000
        found: dict[str, StoredBook | None] = {}
        turns = Turns()
        for symbol, reply in zip(symbols, hashes, strict=True):
            await turns.give()
            if isinstance(reply, ClusterDownError):
                raise reply
            if isinstance(reply, MovedError):
                other = self._nodes.of(book_key(symbol))
                # Nodes that send on to each other are asked once.
                if other is node or not moves:
                    raise reply
                found |= await self._books_at(other, [symbol], moves=moves - 1)
            elif isinstance(reply, Exception):
                log.error("a book cannot be read", symbol=symbol, error=str(reply))
                found[symbol] = None
            else:
                found[symbol] = self._stored(symbol, cast("Reply", reply), now, begun)
        return found

    def _stored(self, symbol: str, reply: Reply, now: int, begun: float) -> StoredBook | None:
        known = self._known.get(symbol)
        if known is None or known.reply != reply:
            try:
                known = _known(reply)
            except ValueError as error:
                log.error("what lies in redis is no book", symbol=symbol, error=str(error))
                return None
        if known is None:
            return None
        if known.hash.view is None:
            return StoredBook(known.hash, None)
        age_ms = max(0, (now - known.confirmed_at) // 1_000_000)
        self._known.keep(symbol, known._replace(age_ms=age_ms, read_at=begun))
        return StoredBook(known.hash, age_ms)


def _states(reply: Mapping[bytes, bytes]) -> Iterator[tuple[str, SymbolState]]:
    for name, data in sorted(reply.items()):
        try:
            yield name.decode(), decode_symbol_state(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("what kraken:symbols says is no state", field=name, error=str(error))


def _known(reply: Reply) -> KnownBook | None:
    """What a reply says, None where there is no hash; raises ValueError."""
    pairs = zip(HASH_FIELDS, reply, strict=True)
    stored = parse_book_hash({name.encode(): value for name, value in pairs if value is not None})
    if stored is None:
        return None
    confirmed_at = parse_rfc3339(stored.confirmed_at) if stored.view is not None else 0
    return KnownBook(reply, stored, confirmed_at)
