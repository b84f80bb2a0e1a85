"""Where a process waits for Redis: on `kraken:wake`, and on few books' streams themselves.

Who waits on the wake alone has an event one round trip later, a tenth of the way to a reader where
there is little to do. But each stream that is waited on makes each wait dearer, here and in Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Any, NamedTuple, cast

from redis.exceptions import ResponseError

from api.follow.ring import Ring
from api.store.book_store import is_wrong_type
from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import MOST_ENTRIES, StreamReply, id_order
from kraken_book.contract.keys import WAKE, events_key
from runtime.logs import get_logger
from runtime.redis.nodes import Nodes

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

    def __init__(self, nodes: Nodes, corrupt: CorruptKeys) -> None:
        self._nodes = nodes
        self._corrupt = corrupt
        self._id: str | None = None
        self._alone_until = float("-inf")

    async def wait(self, seconds: float, rings: Collection[Ring]) -> Woken:
        """Wait for a write, at most so long; `rings` are all that are followed.

        Without a wake that can be read the wait is for few streams themselves, or only over after
        `seconds`. Raises redis.RedisError or OSError.
        """
        beside = self._beside(rings)
        try:
            replies = await self._read(seconds, beside, with_wake=True)
        except ResponseError as error:
            if beside and not await self._is_broken():
                # The key of one of them holds something else.
                self._wait_alone(str(error))
                beside = {}
                replies = await self._read(seconds, beside, with_wake=True)
            elif is_wrong_type(error):
                self._corrupt.found(WAKE, str(error), "DEL", WAKE)
                replies = await self._without_wake(seconds, beside)
            else:
                raise
        wakes = replies.pop(WAKE.encode(), [])
        if wakes:
            self._corrupt.is_right(WAKE)
            self._id = wakes[-1][0].decode()
        elif not replies:
            await self._go_back_with_it()
        streams = {ring: replies.get(events_key(ring.symbol).encode(), []) for ring in beside}
        return Woken(_symbols_in(wakes), streams)

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
        self, seconds: float, beside: Mapping[Ring, str], *, with_wake: bool
    ) -> dict[bytes, StreamReply]:
        block = max(1, int(seconds * 1000))
        after = {events_key(ring.symbol): last_id for ring, last_id in beside.items()}
        if with_wake:
            if self._id is None:
                self._id = await self._newest()
            after = {WAKE: self._id, **after}
        options = ("COUNT", MOST_ENTRIES, "BLOCK", block, "STREAMS")
        reply: Any = await self._nodes.call(WAKE, "XREAD", *options, *after, *after.values())
        if isinstance(reply, dict):
            # Redis-py's form where the URL asks for `protocol=3`.
            return {key: entries for key, (entries,) in reply.items()}
        return dict(cast("list[tuple[bytes, StreamReply]]", reply or []))

    async def _without_wake(
        self, seconds: float, beside: Mapping[Ring, str]
    ) -> dict[bytes, StreamReply]:
        """Wait for the streams alone; the sweep finds what is written to others."""
        if beside:
            try:
                return await self._read(seconds, beside, with_wake=False)
            except ResponseError as error:
                self._wait_alone(str(error))
        await asyncio.sleep(seconds)
        return {}

    async def _newest(self) -> str:
        newest = await self._nodes.call(WAKE, "XREVRANGE", WAKE, "+", "-", "COUNT", 1)
        return newest[0][0].decode() if newest else "0-0"

    async def _is_broken(self) -> bool:
        """Return whether the wake's key holds something else than a stream."""
        try:
            await self._newest()
        except ResponseError as error:
            return is_wrong_type(error)
        return False

    async def _go_back_with_it(self) -> None:
        """Follow the wake's stream if it begins again, before the last entry that was read."""
        if self._corrupt.get(WAKE) is not None or self._id is None:
            return
        try:
            newest = await self._newest()
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            # It became one while it was waited for.
            self._corrupt.found(WAKE, str(error), "DEL", WAKE)
            return
        if id_order(newest) < id_order(self._id):
            self._id = newest

    def _wait_alone(self, why: str) -> None:
        log.warning("streams are read by their wake alone for a while", error=why)
        self._alone_until = monotonic() + ALONE_SECONDS


def _symbols_in(wakes: StreamReply) -> set[str]:
    return {
        symbol
        for _, fields in wakes
        for symbol in fields.get(b"s", b"").decode(errors="replace").split(",")
    }
