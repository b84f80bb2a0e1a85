"""Who leads a shard: the holder of its lease in Redis.

           ┌───────────────────────────┐
           ▼                           │ a newer epoch
    ┌─▶ LEADING ──── fenced ──────▶ FENCED
    │      │                           │
    │      │ another leads             │ another leads
    │      ▼                           │
    └── FOLLOWING or BLOCKED ◀─────────┘
           ▲
        ASKING, from which LEADING is reached too

The lease only keeps collectors from getting in each other's way. That no two ever write to one
stream is the epoch's work, which the write script checks.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from enum import Enum
from time import monotonic

from redis.exceptions import RedisError, ResponseError

from collector.lead.overlap import OverlappingLeader, OverlappingShards
from collector.publish.publisher import Publisher
from collector.publish.troubles import Troubles
from collector.settings import Shard
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import lease_key
from kraken_book.contract.script import LEASE, RELEASE
from kraken_book.contract.write import parse_corruption
from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# The interval at which a collector that waits checks whether the lease is free.
WAIT_INTERVAL = 0.5
# A collector that is fenced twice within this time rests before it leads again.
CALM_SECONDS = 60.0
MIN_REST = 0.1
LEASE_TROUBLE = "the lease"
# What the script says was wrong with a lease, in words.
_WRONG = {
    b"replaced": "was no lease of a leader",
    b"endless": "had no end, or one that no leader sets",
}


class LeaseState(Enum):
    """What this collector knows of who leads its shard."""

    ASKING = "asking"
    """Nobody is known to lead; the lease is being asked for."""
    LEADING = "leading"
    """This collector holds the lease, and publishes under its epoch."""
    FENCED = "fenced"
    """A newer epoch has written; this collector may still hold the lease, but does not publish."""
    FOLLOWING = "following"
    """Another collector leads this shard."""
    BLOCKED = "blocked"
    """Another collector leads a shard of another count that shares symbols with this one."""


_WAITING = {
    LeaseState.FOLLOWING: "another collector leads this shard, waiting",
    LeaseState.BLOCKED: (
        "a shard of another count leads symbols of this one, waiting until it is stopped"
    ),
}


class Lease:
    """A shard's lease, acquired when it is free and renewed three times in its life.

    If an overlapping shard has a leader, the lease counts as taken: see `overlap`. Of two that
    acquired theirs at once the one with the newer epoch stays, as in the streams.

    Args:
        nodes: The nodes of Redis.
        shard: The shard whose lease it is.
        seconds: How long the lease lasts unless it is renewed.
        publisher: Leads and follows as this lease says; its leadership tells of fences.
        troubles: Told of every trouble with Redis.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        seconds: float,
        publisher: Publisher,
        troubles: Troubles | None = None,
    ) -> None:
        self._nodes = nodes
        self._shard = shard
        self._key = lease_key(str(shard))
        self._seconds = seconds
        self._publisher = publisher
        self._leadership = publisher.leadership
        self._troubles = troubles or Troubles()
        self._overlapping = OverlappingShards(nodes, shard, self._troubles)
        self._fences = Backoff(MIN_REST, max(MIN_REST, seconds / 3))
        self._fenced_at = float("-inf")
        # Process ids alone are not unique: containers number them from 1.
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        # The epoch of the lease that Redis gave us; a fenced collector still holds it.
        self._held: int | None = None
        # Whether Redis may have given us the lease, even if its answer did not come.
        self._asked = False
        self.state = LeaseState.ASKING
        self.waits_for: dict[str, str] | None = None
        """The shard and the leader that this collector waits for, if it waits for one."""

    async def run(self) -> None:
        """Hold the lease, or wait for it, forever."""
        while True:
            await self._acquire_or_renew()
            if await self._leadership.is_fenced_within(self._interval):
                await self._rest_after_fence()

    async def release(self) -> None:
        """Stop leading, and let another lead at once."""
        self._move(LeaseState.ASKING)
        await self._give_back()

    @property
    def _interval(self) -> float:
        third = self._seconds / 3
        return third if self._leadership.is_leading else min(third, WAIT_INTERVAL)

    async def _rest_after_fence(self) -> None:
        """Wait before asking again: not at all the first time, then longer each time."""
        now = monotonic()
        rest = 0.0
        if now - self._fenced_at < CALM_SECONDS:
            rest = self._fences.next()
        else:
            self._fences.reset()
        self._fenced_at = now
        # If the fence came just before Redis was asked, a newer epoch has answered it already.
        if self.state is LeaseState.LEADING and not self._leadership.is_leading:
            self._move(LeaseState.FENCED, rest=rest)
        await asyncio.sleep(rest)

    async def _acquire_or_renew(self) -> None:
        try:
            leader = await self._overlapping_leader()
            if leader is not None and self._yields_to(leader):
                await self._yield_to(leader)
            else:
                await self._ask_for_lease()
        except (RedisError, OSError) as error:
            # The lease is not known to be lost: a leader goes on, and epochs guard the streams.
            self._log_trouble(error)
        else:
            self._troubles.over(self._key, "redis renews the lease again")
            self._troubles.over(LEASE_TROUBLE, "redis renews the lease again")

    async def _overlapping_leader(self) -> OverlappingLeader | None:
        if not self._leadership.is_leading:
            return await self._overlapping.newest_leader()
        try:
            # In a cluster their node may hang while ours does not: renewing cannot wait.
            async with asyncio.timeout(self._seconds / 3):
                return await self._overlapping.newest_leader()
        except (RedisError, OSError):
            return None

    async def _ask_for_lease(self) -> None:
        milliseconds = int(self._seconds * 1000)
        self._asked = True
        ours, value, *more = await self._nodes.call(
            self._key,
            *("EVAL", LEASE.text, 1),
            *(self._key, self._owner, milliseconds, self._leadership.newest_seen),
        )
        if wrong := more[1 - ours :]:
            self._troubles.say_repaired(self._key, _WRONG[wrong[0]])
        if ours:
            await self._hold(value)
            return
        self._leadership.see(more[0])
        self._held, self._asked = None, False
        self._move(LeaseState.FOLLOWING, str(self._shard), value.decode(errors="replace"))

    async def _hold(self, epoch: int) -> None:
        """Lead under `epoch`, which Redis gave us, unless an overlapping leader's is newer."""
        if epoch == self._leadership.epoch:
            return
        self._held = epoch
        await self._overlapping.announce()
        leader = await self._overlapping.newest_leader()
        if leader is not None and self._yields_to(leader):
            await self._yield_to(leader)
        elif epoch >= self._leadership.newest_seen:
            self._move(LeaseState.LEADING, epoch=epoch)
        # Else a fence came since Redis was asked: the next epoch will be above it.

    def _yields_to(self, leader: OverlappingLeader) -> bool:
        # If both epochs are the same, both yield: streams cannot tell their writes apart.
        return self._held is None or leader.epoch >= self._held

    async def _yield_to(self, leader: OverlappingLeader) -> None:
        self._leadership.see(leader.epoch)
        self._move(LeaseState.BLOCKED, leader.shard, leader.owner)
        await self._give_back()

    async def _give_back(self) -> None:
        self._held = None
        if self._asked:
            await self._nodes.call(self._key, "EVAL", RELEASE.text, 1, self._key, self._owner)
            self._asked = False

    def _move(
        self,
        state: LeaseState,
        shard: str = "",
        leader: str = "",
        *,
        epoch: int = 0,
        rest: float = 0.0,
    ) -> None:
        """Enter `state`: log it, and have the publisher lead or follow.

        Args:
            state: The state that is entered, or entered again.
            shard: The shard whose leader is waited for, if the state is FOLLOWING or BLOCKED.
            leader: That leader.
            epoch: The epoch to lead under, if the state is LEADING.
            rest: Seconds until the lease is asked for again, if the state is FENCED.
        """
        before = (self.state, self.waits_for)
        self.state = state
        self.waits_for = {"shard": shard, "leader": leader} if state in _WAITING else None
        if state is LeaseState.LEADING:
            log.info("leading", epoch=epoch)
            self._publisher.lead(epoch)
            return
        if state is LeaseState.FENCED:
            log.warning("fenced by a newer epoch", epoch=self._leadership.newest_seen, rest=rest)
        elif state in _WAITING and before != (state, self.waits_for):
            log.warning(_WAITING[state], shard=shard, leader=leader)
        if self._leadership.is_leading:
            self._publisher.follow()

    def _log_trouble(self, error: Exception) -> None:
        corrupt = parse_corruption(str(error))
        if corrupt is not None:
            self._troubles.say_corrupt(*corrupt)
            return
        trouble = describe(error)
        event = f"{trouble.says}, waiting for it"
        if isinstance(error, ResponseError):
            # Redis says that it is full, is a replica, or does not allow us to write.
            event = "redis answers that it cannot renew the lease, trying on"
        self._troubles.say(LEASE_TROUBLE, event, error, self._nodes.of(self._key))
