"""Where a process waits for Redis: on `kraken:wake`, and on few books' streams themselves.

Who waits on the wake alone has an event one round trip later, a tenth of the way to a reader where
there is little to do. But each stream that is waited on makes each wait dearer, here and in Redis.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from time import monotonic
from typing import Any, NamedTuple, cast

from redis.exceptions import ResponseError

from api.ring import Ring
from api.stream_entry import MOST_ENTRIES, StreamReply, id_order
from kraken_book.redis_contract.keys import WAKE, events_key
from service.logs import get_logger
from service.redis_nodes import Nodes

log = get_logger(__name__)

# Of so many books the streams are waited on, where a process follows no more.
FEW_STREAMS = 4
# For so long the wake is waited on alone, once a stream could not be waited on with it.
ALONE_SECONDS = 10.0


class Woken(NamedTuple):
    """What a wait brought: whose streams were written, and what those have that were waited on.

    Such a stream was read after the wake named it, so `streams` has all that there was.
    """

    symbols: set[str]
    streams: dict[Ring, StreamReply]


class Wake:
    """The place in the wake's stream up to which it was read."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._id: str | None = None
        self._alone_until = float("-inf")
        self._was_quiet = False

    async def wait(self, seconds: float, rings: Collection[Ring]) -> Woken:
        """Wait for a write, at most so long; `rings` are all that are followed.

        Raises redis.RedisError or OSError.
        """
        if self._id is None or self._was_quiet:
            await self._find_place()
            assert self._id is not None
        beside = self._beside(rings)
        try:
            replies = await self._read(seconds, self._id, beside)
        except ResponseError as error:
            if not beside:
                raise
            # The key of one of them holds something else; or the wake's, and that raises again.
            self._wait_alone(str(error))
            beside = {}
            replies = await self._read(seconds, self._id, beside)
        wakes = replies.pop(WAKE.encode(), [])
        self._was_quiet = not replies and not wakes
        if wakes:
            self._id = wakes[-1][0].decode()
        streams = {ring: replies.get(events_key(ring.symbol).encode(), []) for ring in beside}
        return Woken(_symbols_in(wakes), streams)

    async def _find_place(self) -> None:
        """Begin at the newest wake; at first, and if the stream has been begun anew below ours.

        After a quiet wait only: wakes below the place where one waits are not seen.
        """
        newest = await self._nodes.call(WAKE, "XREVRANGE", WAKE, "+", "-", "COUNT", 1)
        newest_id = newest[0][0].decode() if newest else "0-0"
        if self._id is None or id_order(newest_id) < id_order(self._id):
            self._id = newest_id

    def stuck(self, ring: Ring) -> None:
        """What `ring`'s stream has is no event, and would end each wait at once."""
        self._wait_alone(f"{ring.symbol}: what is there is no event")

    def _beside(self, rings: Collection[Ring]) -> Mapping[Ring, str]:
        """The streams to wait on too, each with the id after which that is."""
        is_for_wake_alone = self._nodes.has_slots or monotonic() < self._alone_until
        if is_for_wake_alone or len(rings) > FEW_STREAMS:
            return {}
        return {ring: ring.last.id for ring in rings if ring.started}

    async def _read(
        self, seconds: float, wake_id: str, beside: Mapping[Ring, str]
    ) -> dict[bytes, StreamReply]:
        block = max(1, int(seconds * 1000))
        keys = [WAKE, *(events_key(ring.symbol) for ring in beside)]
        ids = [wake_id, *beside.values()]
        options = ("COUNT", MOST_ENTRIES, "BLOCK", block, "STREAMS")
        reply: Any = await self._nodes.call(WAKE, "XREAD", *options, *keys, *ids)
        if isinstance(reply, dict):
            # Redis-py's form where the URL asks for `protocol=3`.
            return {key: entries for key, (entries,) in reply.items()}
        return dict(cast("list[tuple[bytes, StreamReply]]", reply or []))

    def _wait_alone(self, why: str) -> None:
        log.warning("streams are read by their wake alone for a while", error=why)
        self._alone_until = monotonic() + ALONE_SECONDS


def _symbols_in(wakes: StreamReply) -> set[str]:
    return {
        symbol
        for _, fields in wakes
        for symbol in fields.get(b"s", b"").decode(errors="replace").split(",")
    }
