"""Find events that no wake named, and update the ages of all followed books of a node."""

from __future__ import annotations

from collections.abc import Iterable

from api.follow.age_watch import AgeWatch
from api.follow.ring import Ring
from api.follow.ring_feed import RingFeed
from api.store.book_store import BookStore
from api.store.stream_entry import id_order
from api.store.stream_reads import StreamReads
from runtime.logs import get_logger
from runtime.redis.exchange import RedisNode

log = get_logger(__name__)


class Sweep:
    """Compares a node's rings with the hashes of the books, which have the last events' ids."""

    def __init__(
        self,
        feed: RingFeed,
        store: BookStore,
        reads: StreamReads,
        ages: AgeWatch,
    ) -> None:
        self._feed = feed
        self._store = store
        self._reads = reads
        self._ages = ages

    async def run(self, node: RedisNode, rings: Iterable[Ring]) -> None:
        """Append missing events to the started ones of these rings of a node; update their ages.

        redis.RedisError or OSError is raised if the node does not answer.
        """
        rings = [ring for ring in rings if ring.is_started]
        rings = [ring for ring in rings if self._feed.node_of(ring) is node]
        now = await self._reads.time_of(node)
        # Taken before the hashes are read: other tasks may append newer events to a ring meanwhile.
        last_ids = [ring.last.id for ring in rings]
        books = await self._store.books([ring.symbol for ring in rings]) if rings else []
        behind, swept = [], []
        for ring, last_id, book in zip(rings, last_ids, books, strict=True):
            if book is None:
                continue
            swept.append(ring)
            self._ages.note_book(ring, book)
            if id_order(book.hash.stream_id) < id_order(last_id):
                log.warning("redis went back, ring restarted", symbol=ring.symbol, id=last_id)
                ring.restart("redis")
            elif book.hash.stream_id != last_id:
                self._feed.note_stream_id(ring, book.hash.stream_id)
                behind.append(ring)
        await self._feed.read(node, behind)
        for ring in swept:
            if ring.is_started:
                # `now` itself is not over: more events may be written in that millisecond.
                ring.complete = now - 1
