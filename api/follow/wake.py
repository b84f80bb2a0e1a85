"""Wait for new events in Redis: on `kraken:wake`, and on few books' streams themselves.

A stream that is waited on brings its events with the wait, one round trip earlier than the wake
does. But each such stream makes every wait more expensive, here and in Redis.
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
from api.store.stream_entry import MAX_ENTRIES, StreamReply, id_order
from kraken_book.contract.keys import WAKE, events_key
from runtime.logs import get_logger
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

MAX_STREAMS = 4
ALONE_SECONDS = 10.0


class Woken(NamedTuple):
    """What a wait brought: the symbols that were written, and the entries of waited-on streams.

    Such a stream was read after the wake named it, so `streams` has all its entries.
    """

    symbols: set[str]
    streams: dict[Ring, StreamReply]


class Wake:
    """Reads the wake's stream from where it was read last.

    Args:
        nodes: The nodes of Redis.
        corrupt: Where corrupt keys are noted.
        max_streams: Streams are waited on if no more than these are followed.
        alone_seconds: How long the wake is waited on alone after a stream could not be.
    """

    def __init__(
        self,
        nodes: Nodes,
        corrupt: CorruptKeys,
        max_streams: int = MAX_STREAMS,
        alone_seconds: float = ALONE_SECONDS,
    ) -> None:
        self._max_streams = max_streams
        self._alone_seconds = alone_seconds
        self._nodes = nodes
        self._corrupt = corrupt
        self._id: str | None = None
        self._alone_until = float("-inf")

    async def wait(self, seconds: float, rings: Collection[Ring]) -> Woken:
        """Wait at most `seconds` for a write; `rings` are all that are followed.

        If the wake cannot be read, few streams are waited on, or nothing for `seconds`. Raise
        redis.RedisError or OSError.
        """
        beside = self._beside(rings)
        try:
            replies = await self._read(seconds, beside, with_wake=True)
        except ResponseError as error:
            if beside and not await self._is_broken():
                # The key of one of the streams holds something else.
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
            await self._follow_restart()
        streams = {ring: replies.get(events_key(ring.symbol).encode(), []) for ring in beside}
        return Woken(_symbols_in(wakes), streams)

    def stuck(self, ring: Ring) -> None:
        """Note that an entry of the stream of `ring` is no event, and would end each wait."""
        self._wait_alone(f"{ring.symbol}: what is there is no event")

    def _beside(self, rings: Collection[Ring]) -> Mapping[Ring, str]:
        """Return the rings whose streams are waited on, each with its last id."""
        is_for_wake_alone = self._nodes.has_slots or monotonic() < self._alone_until
        if is_for_wake_alone or len(rings) > self._max_streams:
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
        options = ("COUNT", MAX_ENTRIES, "BLOCK", block, "STREAMS")
        reply: Any = await self._nodes.call(WAKE, "XREAD", *options, *after, *after.values())
        if isinstance(reply, dict):
            # redis-py's form if the URL asks for `protocol=3`.
            return {key: entries for key, (entries,) in reply.items()}
        return dict(cast("list[tuple[bytes, StreamReply]]", reply or []))

    async def _without_wake(
        self, seconds: float, beside: Mapping[Ring, str]
    ) -> dict[bytes, StreamReply]:
        """Wait on the streams alone; the sweep finds what is written to others."""
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

    async def _follow_restart(self) -> None:
        """Go back if the wake's stream has begun again, before the last entry that was read."""
        if self._corrupt.get(WAKE) is not None or self._id is None:
            return
        try:
            newest = await self._newest()
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            # The key was replaced during the wait.
            self._corrupt.found(WAKE, str(error), "DEL", WAKE)
            return
        if id_order(newest) < id_order(self._id):
            self._id = newest

    def _wait_alone(self, why: str) -> None:
        log.warning("streams are read by their wake alone for a while", error=why)
        self._alone_until = monotonic() + self._alone_seconds


def _symbols_in(wakes: StreamReply) -> set[str]:
    return {
        symbol
        for _, fields in wakes
        for symbol in fields.get(b"s", b"").decode(errors="replace").split(",")
    }
