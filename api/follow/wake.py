"""Wait for new events in Redis: on `<venue>:wake`, and on a few streams themselves.

A wait on a stream returns its events directly, which saves the round trip after a wake. But each
stream makes every wait more expensive, here and in Redis.

A collector writes a wake right after the events that it names. If every followed stream is waited
on, that wake is of no use, and would end the next wait at once. Then the wait is only for wakes
that come after its own beginning, which name streams that are followed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from time import monotonic
from typing import Any, NamedTuple, cast

from redis.exceptions import ResponseError

from api.follow.ring import Ring
from api.store.book_store import is_wrong_type
from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import MAX_ENTRIES, StreamReply, id_order
from kraken_book.contract.keys import events_key, wake_key
from kraken_book.symbols import KRAKEN, symbol_of
from runtime.logs import get_logger
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

MAX_STREAMS = 4
WAKE_ONLY_SECONDS = 10.0


class Woken(NamedTuple):
    """The result of a wait."""

    symbols: set[str]
    """The symbols that were written, from the wake."""
    streams: dict[Ring, StreamReply]
    """The new entries of each stream that was waited on; complete for the `symbols`."""


class Wake:
    """Waits on the stream of a venue's wakes, and on its followed streams if they are few.

    Args:
        nodes: The nodes of Redis.
        corrupt: The record of corrupt keys.
        max_streams: The streams are waited on if at most this many are followed.
        wake_only_seconds: Seconds for which streams are not waited on after one was corrupt.
        venue: The venue.
    """

    def __init__(
        self,
        nodes: Nodes,
        corrupt: CorruptKeys,
        max_streams: int = MAX_STREAMS,
        wake_only_seconds: float = WAKE_ONLY_SECONDS,
        venue: str = KRAKEN,
    ) -> None:
        self._venue = venue
        self._key = wake_key(venue)
        self._max_streams = max_streams
        self._wake_only_seconds = wake_only_seconds
        self._nodes = nodes
        self._corrupt = corrupt
        # The id of the last wake that was read; None at first, and while wakes are skipped.
        self._id: str | None = None
        self._has_skipped = False
        self._wake_only_until = float("-inf")

    async def wait(self, seconds: float, rings: Collection[Ring]) -> Woken:
        """Wait at most `seconds` for a write.

        If the key of the wake is corrupt, only the streams are waited on; if they are too many,
        this returns after `seconds`.

        Args:
            seconds: The longest time to wait.
            rings: All rings of the venue that are followed.

        Returns:
            The symbols that were written, and the entries of the streams that were waited on.

        Raises:
            ResponseError: Redis refused the command. Other redis.RedisError and OSError are
                raised if it does not answer.
        """
        waited_on = self._waited_on(rings)
        try:
            return await self._wait(seconds, rings, waited_on)
        except ResponseError as error:
            if waited_on and not await self._is_broken():
                # The key of one of the streams has the wrong type.
                self._use_wake_only(str(error))
                return await self._wait(seconds, rings, {})
            if not is_wrong_type(error):
                raise
            self._corrupt.record(self._key, str(error), "DEL", self._key)
            return Woken(set(), await self._wait_for_streams(seconds, waited_on))

    def note_stuck(self, ring: Ring) -> None:
        """Stop waiting on streams for a while: a corrupt entry of `ring` would end each wait."""
        self._use_wake_only(f"{ring.symbol}: the stream has an entry that is not an event")

    def _waited_on(self, rings: Collection[Ring]) -> Mapping[Ring, str]:
        """Return the rings to wait on, each with the id of its last event."""
        is_wake_only = self._nodes.has_slots or monotonic() < self._wake_only_until
        if is_wake_only or len(rings) > self._max_streams:
            return {}
        return {ring: ring.last.id for ring in rings if ring.is_started}

    async def _wait(
        self, seconds: float, rings: Collection[Ring], waited_on: Mapping[Ring, str]
    ) -> Woken:
        """Wait for a wake, or for an entry of the streams that are waited on."""
        skips = bool(waited_on) and len(waited_on) == len(rings)
        named: set[str] = set()
        if self._has_skipped and not skips:
            # A skipped wake may have named any ring that is not waited on.
            named, seconds = {ring.symbol for ring in rings}, 0.0
        replies = await self._read(
            seconds, {self._key: "$" if skips else await self._wake_id(), **_after(waited_on)}
        )
        wakes = replies.pop(self._key.encode(), [])
        self._has_skipped = skips
        if skips:
            self._id = None
        elif wakes:
            self._id = wakes[-1][0].decode()
        elif not replies:
            await self._follow_restart()
        if wakes or skips:
            self._corrupt.clear(self._key)
        if wakes:
            named |= self._symbols_in(wakes)
        return Woken(named, _entries(replies, waited_on))

    async def _wait_for_streams(
        self, seconds: float, waited_on: Mapping[Ring, str]
    ) -> dict[Ring, StreamReply]:
        """Wait on the streams only; the sweep finds events of the others."""
        if waited_on:
            try:
                return _entries(await self._read(seconds, _after(waited_on)), waited_on)
            except ResponseError as error:
                self._use_wake_only(str(error))
        await asyncio.sleep(seconds)
        return _entries({}, waited_on)

    async def _read(self, seconds: float, after: Mapping[str, str]) -> dict[bytes, StreamReply]:
        """Wait for entries of streams, each after an id."""
        block = max(1, int(seconds * 1000))
        options = ("COUNT", MAX_ENTRIES, "BLOCK", block, "STREAMS")
        reply: Any = await self._nodes.call(self._key, "XREAD", *options, *after, *after.values())
        if isinstance(reply, dict):
            # redis-py returns a dict if the URL has `protocol=3`.
            return {key: entries for key, (entries,) in reply.items()}
        return dict(cast("list[tuple[bytes, StreamReply]]", reply or []))

    async def _wake_id(self) -> str:
        """Return the id of the last wake that was read, at first that of the newest one."""
        if self._id is None:
            self._id = await self._newest()
        return self._id

    async def _newest(self) -> str:
        newest = await self._nodes.call(self._key, "XREVRANGE", self._key, "+", "-", "COUNT", 1)
        return newest[0][0].decode() if newest else "0-0"

    async def _is_broken(self) -> bool:
        """Return whether the key of the wake has the wrong type."""
        try:
            await self._newest()
        except ResponseError as error:
            return is_wrong_type(error)
        return False

    async def _follow_restart(self) -> None:
        """Continue at the end of the wake's stream if it has restarted before the last id read."""
        if self._corrupt.get(self._key) is not None or self._id is None:
            return
        try:
            newest = await self._newest()
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            # The key was replaced during the wait.
            self._corrupt.record(self._key, str(error), "DEL", self._key)
            return
        if id_order(newest) < id_order(self._id):
            self._id = newest

    def _symbols_in(self, wakes: StreamReply) -> set[str]:
        return {
            symbol_of(self._venue, pair)
            for _, fields in wakes
            for pair in fields.get(b"s", b"").decode(errors="replace").split(",")
        }

    def _use_wake_only(self, why: str) -> None:
        log.warning("stream wait failed, using the wake only", error=why)
        self._wake_only_until = monotonic() + self._wake_only_seconds


def _after(waited_on: Mapping[Ring, str]) -> dict[str, str]:
    """Return the key of each stream, with the id after which its entries are read."""
    return {events_key(ring.symbol): last_id for ring, last_id in waited_on.items()}


def _entries(
    replies: Mapping[bytes, StreamReply], waited_on: Iterable[Ring]
) -> dict[Ring, StreamReply]:
    """Return the new entries of each ring's stream."""
    return {ring: replies.get(events_key(ring.symbol).encode(), []) for ring in waited_on}
