"""The one reader of Redis in this process: follows the streams that somebody here reads.

It blocks on `kraken:wake`, then reads, in one round trip, the streams that were written and are
followed. A sweep each second covers a wake that was lost, and learns how old each book is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from time import monotonic, time_ns
from typing import NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.metrics import EVENTS_READ, FOLLOWED, REDIS_UP
from api.ring import Frame, Place, Ring, sse_frame, sse_unnumbered
from api.store import BookStore, StoredBook
from kraken_book.event import (
    Lagged,
    LaggedReason,
    Status,
    StatusChange,
    render_lagged,
    render_snapshot,
    render_status,
)
from kraken_book.redis_contract.keys import WAKE, events_key
from kraken_book.times import rfc3339
from service.logs import get_logger

log = get_logger(__name__)

SWEEP_SECONDS = 1.0
RETRY_SECONDS = 0.25
# One read of one stream; what is more follows at once.
MOST_ENTRIES = 1000

StreamReply = list[tuple[bytes, dict[bytes, bytes]]]


class Entry(NamedTuple):
    """An event as it lies in a stream."""

    id: str
    kind: str
    place: Place
    data: bytes


class Tail:
    """Feeds the rings; books older than `max_age` seconds are told to be stale."""

    def __init__(self, redis: Redis, store: BookStore, max_age: float) -> None:
        self._redis = redis
        self._store = store
        self._max_age = max_age
        self._rings: dict[str, Ring] = {}
        self._reading = asyncio.Lock()
        self._wake_id: str | None = None
        self._swept = 0.0
        self._away = False

    def follow(self, symbol: str) -> Ring:
        """The ring of `symbol`, fed until as many `unfollow` it."""
        ring = self._rings.get(symbol)
        if ring is None:
            ring = self._rings[symbol] = Ring(symbol)
            FOLLOWED.set(len(self._rings))
        ring.readers += 1
        return ring

    def unfollow(self, ring: Ring) -> None:
        """One reader less."""
        ring.readers -= 1
        if not ring.readers and self._rings.get(ring.symbol) is ring:
            del self._rings[ring.symbol]
            FOLLOWED.set(len(self._rings))

    async def follow_streams(self) -> None:
        """Feed the rings, for ever."""
        while True:
            try:
                await self._round()
            except (RedisError, OSError) as error:
                self._say_away(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def watch_ages(self) -> None:
        """Tell readers when a book becomes too old, and when it is right again, for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for ring in self._rings.values():
                self.tell_age(ring)
                if ring.joining:
                    ring.wake()

    def note_book(self, ring: Ring, book: StoredBook) -> None:
        """Keep when the book was last known to match Kraken, and tell readers what follows."""
        if book.age_ms is not None:
            ring.confirmed = monotonic() - book.age_ms / 1000
        self.tell_age(ring)

    def tell_age(self, ring: Ring) -> None:
        """Tell the readers of a started ring when its book becomes too old, or right again."""
        stale = bool(ring.confirmed) and monotonic() - ring.confirmed > self._max_age
        if ring.started and stale != ring.stale:
            status: Status = "stale" if stale else "live"
            sse = status_frame(ring.symbol, status, "age" if stale else None)
            ring.tell_stale(sse, stale=stale)

    async def catch_up(self, ring: Ring) -> None:
        """Bring a started ring to where Redis is now; raises redis.RedisError or OSError."""
        await self._read([ring])

    async def page(self, symbol: str, after_id: str) -> list[Entry]:
        """Up to MOST_ENTRIES of a stream after an id; raises redis.RedisError or OSError."""
        return await self._range(symbol, f"({after_id}", "+")

    async def entry(self, symbol: str, event_id: str) -> Entry | None:
        """The entry with this id, None where it is not there; raises as `page` does."""
        found = await self._range(symbol, event_id, event_id)
        return found[0] if found else None

    async def _range(self, symbol: str, first: str, last: str) -> list[Entry]:
        reply = await self._redis.xrange(events_key(symbol), first, last, count=MOST_ENTRIES)
        return entries_in(symbol, reply)

    async def _round(self) -> None:
        if self._wake_id is None:
            newest = cast("StreamReply", await self._redis.xrevrange(WAKE, count=1))
            self._wake_id = newest[0][0].decode() if newest else "0-0"
        due = self._swept + SWEEP_SECONDS - monotonic()
        if due <= 0:
            await self._sweep()
        else:
            await self._read(await self._written(due))
        self._say_back()

    async def _written(self, seconds: float) -> list[Ring]:
        """The followed rings whose streams were written; waits for one at most so long."""
        reply = await self._redis.xread(
            {WAKE: self._wake_id or "0-0"}, block=max(1, int(seconds * 1000))
        )
        if not reply:
            return []
        ((_, wakes),) = cast("list[tuple[bytes, StreamReply]]", reply)
        self._wake_id = wakes[-1][0].decode()
        symbols = {
            s
            for _, fields in wakes
            for s in fields.get(b"s", b"").decode(errors="replace").split(",")
        }
        return [ring for symbol, ring in self._rings.items() if symbol in symbols]

    async def _sweep(self) -> None:
        rings = [ring for ring in self._rings.values() if ring.started]
        # Noted first: what a reader catches up with meanwhile is newer than the books are.
        last_ids = [ring.last.id for ring in rings]
        books = await self._store.books([ring.symbol for ring in rings]) if rings else []
        behind = []
        for ring, last_id, book in zip(rings, last_ids, books, strict=True):
            if book is None:
                continue
            self.note_book(ring, book)
            if id_order(book.hash.stream_id) < id_order(last_id):
                log.warning("redis stands before what was read", symbol=ring.symbol, id=last_id)
                ring.restart("redis")
            elif book.hash.stream_id != last_id:
                behind.append(ring)
        await self._read(behind)
        self._swept = monotonic()

    async def _read(self, rings: Collection[Ring]) -> None:
        """Append what the rings' streams have after each ring's last event."""
        for ring in rings:
            # Its readers wait for a book, and there may be one now.
            if not ring.started:
                ring.wake()
        rings = [ring for ring in rings if ring.started]
        # One at a time: two reads from one place would append its events twice.
        async with self._reading:
            while rings:
                pipeline = self._redis.pipeline(transaction=False)
                for ring in rings:
                    key, after = events_key(ring.symbol), f"({ring.last.id}"
                    pipeline.xrange(key, after, "+", count=MOST_ENTRIES)
                # One symbol's key that holds something else must not stop the others.
                replies = await pipeline.execute(raise_on_error=False)
                full = []
                for ring, reply in zip(rings, replies, strict=True):
                    entries = entries_in(ring.symbol, reply)
                    self._append(ring, entries)
                    if len(entries) == MOST_ENTRIES:
                        full.append(ring)
                rings = full

    def _append(self, ring: Ring, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.place <= ring.last.place:
                continue
            if not follows(entry, ring.last.place):
                log.warning("events are gone from redis", symbol=ring.symbol, after=ring.last.id)
                ring.restart("trimmed")
                return
            ring.append(Frame(entry.place, entry.id, sse_frame(entry.id, entry.data)))
        EVENTS_READ.inc(len(entries))
        ring.wake()

    def _say_away(self, error: Exception) -> None:
        REDIS_UP.set(0)
        if not self._away:
            self._away = True
            log.error("redis cannot be reached, streams stay open and wait", error=str(error))

    def _say_back(self) -> None:
        REDIS_UP.set(1)
        if self._away:
            self._away = False
            log.info("redis is back")


def id_order(event_id: str) -> tuple[int, int]:
    """What entries' ids are ordered by: the milliseconds, then the number."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)


def follows(entry: Entry, last: Place) -> bool:
    """Whether nothing lies between `last` and `entry` that a reader would miss."""
    if entry.kind == "snapshot":
        return True
    if entry.place.epoch != last.epoch:
        return entry.kind == "status"
    return entry.place.seq == last.seq + 1


def opening(book: StoredBook) -> bytes:
    """The snapshot, as SSE, that opens a stream with the book of a hash."""
    stored = book.hash
    assert stored.view is not None, f"{stored.symbol} has no book"
    data = render_snapshot(stored.view, stored.seq, stored.epoch, None, None)
    return sse_frame(stored.event_id, data)


def status_frame(symbol: str, status: Status, reason: str | None) -> bytes:
    """A status of the api's own, as SSE."""
    change = StatusChange(symbol, None, None, status, reason, rfc3339(time_ns()))
    return sse_unnumbered(render_status(change))


def lagged_frame(symbol: str, missed: int | None, reason: LaggedReason) -> bytes:
    """Word to a reader, as SSE, that it missed events; a snapshot is to follow."""
    return sse_unnumbered(render_lagged(Lagged(symbol, missed, reason)))


def entries_in(symbol: str, reply: object) -> list[Entry]:
    """The events in an XRANGE's reply; what is none is said in the log and passed over."""
    if isinstance(reply, Exception):
        log.error("a stream cannot be read", symbol=symbol, error=str(reply))
        return []
    entries = []
    for event_id, fields in cast("StreamReply", reply):
        try:
            place = Place(int(fields[b"epoch"]), int(fields[b"seq"]))
            kind, data = fields[b"kind"].decode(), fields[b"data"]
        except (KeyError, ValueError) as error:
            log.error("an entry is no event", symbol=symbol, id=event_id, error=repr(error))
        else:
            entries.append(Entry(event_id.decode(), kind, place, data))
    return entries
