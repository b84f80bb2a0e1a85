"""Read books from Redis, each with its age by the clock of its own node."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import NamedTuple, cast

import msgspec
from redis.exceptions import (
    ClusterDownError,
    MovedError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from api.store.book_cache import BookCache
from api.store.book_check import Reply
from api.store.coalesce import BatchedReads
from api.store.confirmations import Confirmations
from api.store.corrupt_keys import Corruption, CorruptKeys
from api.store.errors import CorruptSymbols
from api.store.feed_reports import FeedReports
from api.store.report_watch import ReportWatch
from api.store.venues import Venues
from kraken_book.contract.book_hash import HASH_FIELDS, BookHash
from kraken_book.contract.keys import book_key, events_key, symbols_key
from kraken_book.contract.symbol_state import SymbolState, decode_symbol_state
from kraken_book.event import Status
from kraken_book.position import Position
from kraken_book.symbols import KRAKEN, is_symbol, symbol_of, venue_of
from runtime.cooperate import Cooperator
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import Nodes

# No symbol has this name: the commands read nothing, and fail if this user may not send them.
_BOOK, _EVENTS = book_key("/"), events_key("/")
_READS: tuple[Command, ...] = (
    ("TIME",),
    ("HMGET", _BOOK, "seq"),
    ("HGETALL", _BOOK),
    ("XRANGE", _EVENTS, "-", "+", "COUNT", 1),
    ("XREVRANGE", _EVENTS, "+", "-", "COUNT", 1),
    ("XREAD", "COUNT", 1, "STREAMS", _EVENTS, "0"),
)


States = dict[str, SymbolState]
"""The states of symbols, by name."""


class BookWithAge(NamedTuple):
    """A book's hash and its age."""

    hash: BookHash
    age_ms: int | None
    """Milliseconds since the book was last confirmed to match its venue.

    None if there never was a book, or if no credible confirmation is known.
    """

    @property
    def position(self) -> Position | None:
        """Return the position of the book's last event, None if there is no book."""
        return self.hash.position

    def is_too_old(self, max_age: float) -> bool:
        """Return whether there is a book that may be older than `max_age` seconds."""
        is_confirmed = self.age_ms is not None and self.age_ms <= max_age * 1000
        return self.hash.snapshot is not None and not is_confirmed

    def status(self, max_age: float) -> Status:
        """Return the status now: `stale` for a live book older than `max_age` seconds."""
        is_stale = self.hash.status == "live" and self.is_too_old(max_age)
        # `book_check` accepts no other status than `live` and `syncing`.
        return "stale" if is_stale else cast("Status", self.hash.status)


class BookStore:
    """Reads books and the lists of symbols from Redis.

    Concurrent requests for a book share a read. A read contains every write that was acknowledged
    before it was requested. Coroutines raise redis.RedisError or OSError if Redis does not answer.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._shared = BatchedReads(self._books_at)
        self._cache = BookCache()
        self._confirmations = Confirmations()
        self.corrupt = CorruptKeys()
        """The corrupt keys that were found."""
        self.venues = Venues(nodes, self.corrupt)
        """The venues whose lists are read."""
        self.feed_reports = FeedReports(nodes, self.venues)
        """The reports of the collectors."""
        self.report_watch = ReportWatch(self.feed_reports)
        """Watches the age and the contract version of each report."""
        # The last list of each venue, for the time in which it cannot be read.
        self._lists: dict[str, States] = {}

    @property
    def node_count(self) -> int:
        """The number of known nodes of Redis."""
        return len(self._nodes.all())

    async def ping(self) -> None:
        """Check that every node answers and permits the commands that read books."""
        await self._nodes.ping(_READS)

    async def symbols(self) -> dict[str, SymbolState]:
        """Return the states of the configured symbols of all venues, by name; skip malformed ones.

        A list that is not a hash, or that this user of Redis may not read, costs only its own
        venue. While a list cannot be read, the last one is returned. CorruptSymbols is raised if no
        venue has symbols because of that.
        """
        known = self.venues.known
        _, read = await asyncio.gather(self.venues.read(), self._read_lists(known))
        new = [venue for venue in self.venues.known if venue not in known]
        self._keep_lists(read | await self._read_lists(new))
        found: dict[str, SymbolState] = {}
        for venue in self.venues.known:
            found.update(self._lists.get(venue, {}))
        return dict(sorted(found.items()))

    async def _read_lists(self, venues: Sequence[str]) -> dict[str, States | BaseException]:
        """Return the list of each venue, or the error of its read."""
        read = await asyncio.gather(*map(self._symbols_of, venues), return_exceptions=True)
        return dict(zip(venues, read, strict=True))

    def _keep_lists(self, read: Mapping[str, States | BaseException]) -> None:
        """Keep the lists that were read; raise an error if it is not of one venue alone."""
        failures: dict[str, BaseException] = {}
        refused: dict[str, BaseException] = {}
        corrupt: CorruptSymbols | None = None
        for venue, states in read.items():
            if isinstance(states, NoPermissionError):
                # It stays so until an operator acts; the other venues are served without it.
                refused[venue] = states
            elif isinstance(states, (RedisError, OSError)):
                failures[venue] = states
            elif isinstance(states, CorruptSymbols):
                corrupt = states
                self._lists.pop(venue, None)
            elif isinstance(states, BaseException):
                raise states
            else:
                self._lists[venue] = states
        self.venues.note_refused(refused)
        if read.keys() <= failures.keys() | refused.keys():
            raise next(iter((failures | refused).values()))
        if missing := failures.keys() - self._lists.keys():
            raise failures[min(missing)]
        if corrupt is not None and not any(self._lists.values()):
            raise corrupt

    async def _symbols_of(self, venue: str) -> States:
        key = symbols_key(venue)
        try:
            reply = await self._nodes.call(key, "HGETALL", key)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            corruption = self.corrupt.record(key, str(error), "DEL", key)
            raise CorruptSymbols(key, corruption) from error
        self.corrupt.clear(key)
        return dict(self._states(venue, cast("dict[bytes, bytes]", reply)))

    def corruption(self, symbol: str) -> Corruption | None:
        """Return the fault of the book of `symbol` at its last read, None if it had none."""
        return self.corrupt.get(book_key(symbol))

    async def book(self, symbol: str) -> BookWithAge | None:
        """Return the book of `symbol`, None if its key is absent or corrupt."""
        found = await self._shared.get(self._nodes.of(book_key(symbol)), (symbol,))
        return found[symbol]

    def known(self, symbol: str) -> BookWithAge | None:
        """Return the cached book of `symbol` with its age now, without a read.

        A `live` book becomes `stale`, because it may no longer be followed.
        """
        cached = self._cache.get(symbol)
        if cached is None:
            return None
        book_hash = cached.hash
        if book_hash.status == "live":
            book_hash = msgspec.structs.replace(book_hash, status="stale")
        return BookWithAge(book_hash, cached.age_ms_now)

    async def books(self, symbols: Sequence[str]) -> list[BookWithAge | None]:
        """Return the books of `symbols`, in their order.

        A book is None if its key is absent or corrupt, or if its node does not answer. If no node
        answers, the first error is raised.
        """
        reading = [self._shared.get(node, asked) for node, asked in self._by_node(symbols).items()]
        if len(reading) == 1:
            only = await reading[0]
            return [only[symbol] for symbol in symbols]
        found: dict[str, BookWithAge | None] = {}
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
    ) -> dict[str, BookWithAge | None]:
        commands = [("HMGET", book_key(symbol), *HASH_FIELDS) for symbol in symbols]
        # Taken before the request, so that no age is underestimated by the round trip.
        begun = monotonic()
        # `send` returns an error of one key in its reply, so it does not affect the others.
        time, *hashes = await self._nodes.send(node, [("TIME",), *commands])
        if isinstance(time, Exception):
            raise time
        seconds, microseconds = time
        now = (seconds * 1_000_000 + microseconds) * 1000
        found: dict[str, BookWithAge | None] = {}
        cooperator = Cooperator()
        for symbol, reply in zip(symbols, hashes, strict=True):
            await cooperator.pause()
            if isinstance(reply, ClusterDownError):
                raise reply
            if isinstance(reply, MovedError):
                other = self._nodes.of(book_key(symbol))
                # Two nodes that redirect to each other must not cause a loop.
                if other is node or not moves:
                    raise reply
                found |= await self._books_at(other, [symbol], moves=moves - 1)
            elif isinstance(reply, Exception):
                self._note_corrupt(symbol, str(reply))
                found[symbol] = None
            else:
                found[symbol] = self._with_age(symbol, cast("Reply", reply), now, begun)
        return found

    def _with_age(
        self, symbol: str, reply: Reply, redis_now: int, begun: float
    ) -> BookWithAge | None:
        try:
            read = self._cache.parse(symbol, reply)
        except (ValueError, RecursionError) as error:
            self._note_corrupt(symbol, str(error))
            return None
        self.corrupt.clear(book_key(symbol))
        if read is None:
            return None
        if read.hash.snapshot is None:
            return BookWithAge(read.hash, None)
        age_ms = self._confirmations.age_ms(symbol, read.confirmed_at, redis_now, begun)
        self._cache.keep(symbol, read._replace(age_ms=age_ms, read_at=begun))
        return BookWithAge(read.hash, age_ms)

    def _note_corrupt(self, symbol: str, why: str) -> None:
        self.corrupt.record(book_key(symbol), why, "DEL", book_key(symbol))

    def _states(
        self, venue: str, reply: Mapping[bytes, bytes]
    ) -> Iterator[tuple[str, SymbolState]]:
        key = symbols_key(venue)
        for name, data in reply.items():
            shown = name.decode(errors="backslashreplace")
            field = f"{key} {shown}"
            try:
                yield _symbol(venue, name), decode_symbol_state(data)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                self.corrupt.record(field, str(error), "HDEL", key, shown)
            else:
                self.corrupt.clear(field)


def _symbol(venue: str, field: bytes) -> str:
    """Return a field of a venue's list as a symbol; raise ValueError if it is not one."""
    pair = field.decode()
    if not is_symbol(pair) or venue_of(pair) != KRAKEN:
        raise ValueError("the field's name is not a symbol")
    return symbol_of(venue, pair)


def is_wrong_type(error: Exception) -> bool:
    """Return whether Redis reports that a key has the wrong type."""
    return str(error).startswith("WRONGTYPE")
