"""The lease of a shard in Redis; the holder of the lease leads.

    from       to         when
    any        LEADING    Redis grants the lease, and no newer epoch is known
    LEADING    FENCED     a newer epoch has written
    any        FOLLOWING  another collector holds the lease
    any        BLOCKED    an overlapping shard has a leader, and our lease has no newer epoch
    not LEADING OUTDATED  a report of the venue is of a newer contract
    any        ASKING     this collector releases the lease

ASKING is the first state. The lease keeps collectors from fencing each other. It does not protect
the streams: for that, the write script checks the epoch of each write.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from enum import Enum
from time import monotonic

from redis.exceptions import RedisError

from collector.lead.newer_contract import NewerContract
from collector.lead.overlap import OverlappingLeader, OverlappingShards
from collector.lead.venue_list import VenueList
from collector.publish.publisher import Publisher
from collector.publish.troubles import Troubles
from collector.settings import Shard
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import lease_key
from kraken_book.contract.script import LEASE, RELEASE
from kraken_book.contract.version import CONTRACT
from kraken_book.contract.write import parse_corruption
from kraken_book.symbols import KRAKEN
from runtime.logs import get_logger
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# The interval at which a standby asks for the lease.
STANDBY_INTERVAL = 0.5
# Seconds. A collector that is fenced twice within this time rests before it asks again.
CALM_DURATION = 60.0
MIN_REST = 0.1
# The subject of troubles with the lease.
LEASE_TROUBLE = "the lease"
# Descriptions of the damage that the lease script reports.
_WRONG = {
    b"replaced": "was no lease of a leader",
    b"endless": "had no end, or one that no leader sets",
}


class LeaseState(Enum):
    """State of this collector with regard to the lease of its shard."""

    ASKING = "asking"
    """No leader is known, and this collector asks for the lease."""
    LEADING = "leading"
    """This collector holds the lease, and publishes under its epoch."""
    FENCED = "fenced"
    """A newer epoch has written; this collector may still hold the lease, but does not publish."""
    FOLLOWING = "following"
    """Another collector leads this shard."""
    BLOCKED = "blocked"
    """Another collector leads an overlapping shard."""
    OUTDATED = "outdated"
    """A collector of a newer contract has reported, so this one does not ask for the lease."""


_WAITING = (LeaseState.FOLLOWING, LeaseState.BLOCKED)


class Lease:
    """A shard's lease, acquired when it is free and renewed three times in its lifetime.

    It is not acquired while an overlapping shard has a leader: see `overlap`. If two collectors
    acquire leases of overlapping shards at once, the newer epoch wins, as in the streams.

    Args:
        nodes: The nodes of Redis.
        shard: The shard of the lease.
        seconds: Lifetime of the lease, unless it is renewed.
        publisher: Leads while this collector holds the lease; its leadership reports fences.
        troubles: Receives the errors of Redis.
        venue: The venue of the shard.

    Attributes:
        state: The state; `_move` alone changes it.
        is_refused: Whether Redis did not answer the last request, or refused it.
        waits_for: The shard and the leader that this collector waits for, if it waits for one.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        seconds: float,
        publisher: Publisher,
        troubles: Troubles | None = None,
        venue: str = KRAKEN,
    ) -> None:
        self._nodes = nodes
        self._shard = shard
        self._key = lease_key(str(shard), venue)
        self._seconds = seconds
        self._publisher = publisher
        self._leadership = publisher.leadership
        self._troubles = troubles or Troubles()
        self._overlapping = OverlappingShards(nodes, shard, self._troubles, venue)
        self._newer_contract = NewerContract(nodes, venue)
        self._venue_list = VenueList(nodes, venue, self._troubles)
        self._fence_backoff = Backoff(MIN_REST, max(MIN_REST, seconds / 3))
        self._fenced_at = float("-inf")
        # Process ids are not unique, because containers number them from 1.
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        # The epoch of the lease that Redis granted; a fenced collector still holds it.
        self._held: int | None = None
        # Whether this collector may hold the lease: it has asked, and the answer may be lost.
        self._may_hold = False
        self._gives_way_until = float("-inf")
        self.state = LeaseState.ASKING
        self.is_refused = False
        self.waits_for: dict[str, str] | None = None

    async def run(self) -> None:
        """Acquire and renew the lease until the task is cancelled."""
        while True:
            await self._acquire_or_renew()
            if await self._leadership.wait_for_fence(self._interval):
                await self._rest_after_fence()

    async def release(self) -> None:
        """Stop leading, and delete the lease, so that a standby can lead at once."""
        self._move(LeaseState.ASKING)
        await self._give_back()

    @property
    def _interval(self) -> float:
        third = self._seconds / 3
        is_calm = self._leadership.is_leading and not self.is_refused
        return third if is_calm else min(third, STANDBY_INTERVAL)

    async def _rest_after_fence(self) -> None:
        """Wait before asking again: not after the first fence, then longer after each."""
        now = monotonic()
        rest = 0.0
        if now - self._fenced_at < CALM_DURATION:
            rest = self._fence_backoff.next()
        else:
            self._fence_backoff.reset()
        self._fenced_at = now
        # If the lease was requested after the fence, it may lead under a newer epoch already.
        if self.state is LeaseState.LEADING and not self._leadership.is_leading:
            self._move(LeaseState.FENCED, rest=rest)
        await asyncio.sleep(rest)

    async def _acquire_or_renew(self) -> None:
        try:
            if not await self._yield_to_newer_contract():
                leader = await self._overlapping_leader()
                if leader is not None and self._yields_to(leader):
                    await self._yield_to(leader)
                elif not self._gives_way():
                    await self._ask_for_lease()
        except (RedisError, OSError) as error:
            # The lease may still be ours, so a leader keeps publishing. Epochs guard the streams.
            self.is_refused = True
            self._log_trouble(error)
        else:
            self.is_refused = False
            for subject in (self._key, LEASE_TROUBLE):
                if self._troubles.end(subject):
                    log.info("lease request works again", subject=subject)

    def _gives_way(self) -> bool:
        """Return whether a standby lets the leader ask first, for a while after Redis was away.

        The lease may have expired meanwhile. The leader still has the events that wait for Redis;
        another one would replace them by a snapshot.
        """
        if self.is_refused and self.state is LeaseState.FOLLOWING:
            self._gives_way_until = monotonic() + max(self._seconds / 2, 2 * STANDBY_INTERVAL)
        return self.state is LeaseState.FOLLOWING and monotonic() < self._gives_way_until

    async def _yield_to_newer_contract(self) -> bool:
        """Return whether a report of a newer contract prevents that this collector leads."""
        # While this collector leads, a newer one waits for the lease.
        if self._leadership.is_leading:
            return False
        newer = await self._newer_contract.find()
        if newer is None:
            return False
        if self.state is not LeaseState.OUTDATED:
            log.error(
                "contract of another collector is newer, not leading",
                contract=newer.contract,
                ours=str(CONTRACT),
                shard=newer.shard,
                advice="install the newer release here; or, after going back to this release for"
                f" good: HDEL {self._newer_contract.key} {newer.shard}",
            )
        self._move(LeaseState.OUTDATED)
        await self._give_back()
        return True

    async def _overlapping_leader(self) -> OverlappingLeader | None:
        if not self._leadership.is_leading:
            return await self._overlapping.newest_leader()
        try:
            # In a cluster the nodes of other shards' leases may hang while ours answers. Renewing
            # must not wait for them. A TimeoutError is an OSError.
            async with asyncio.timeout(self._seconds / 3):
                return await self._overlapping.newest_leader()
        except (RedisError, OSError):
            return None

    async def _ask_for_lease(self) -> None:
        milliseconds = int(self._seconds * 1000)
        self._may_hold = True
        # {1, epoch} or {0, owner, epoch}, and a word if the lease was damaged: see lease.lua.
        ours, epoch_or_owner, *more = await self._nodes.call(
            self._key,
            *("EVAL", LEASE.text, 1),
            *(self._key, self._owner, milliseconds, self._leadership.newest_seen),
        )
        if wrong := more[1 - ours :]:
            self._troubles.log_repaired(self._key, _WRONG[wrong[0]])
        if ours:
            await self._hold(epoch_or_owner)
            return
        self._leadership.see(more[0])
        self._held, self._may_hold = None, False
        self._move(LeaseState.FOLLOWING, str(self._shard), epoch_or_owner.decode(errors="replace"))

    async def _hold(self, epoch: int) -> None:
        """Lead under `epoch`, which Redis granted, unless an overlapping leader's is newer."""
        if epoch == self._leadership.epoch:
            # The lease was renewed.
            return
        self._held = epoch
        await self._overlapping.announce()
        leader = await self._overlapping.newest_leader()
        if leader is not None and self._yields_to(leader):
            await self._yield_to(leader)
        elif epoch >= self._leadership.newest_seen:
            self._move(LeaseState.LEADING, epoch=epoch)
            await self._venue_list.add()
        # Otherwise a newer epoch was seen since the request. The next request gets a newer one.

    def _yields_to(self, leader: OverlappingLeader) -> bool:
        # If both epochs are equal, both yield, because streams cannot distinguish their writes.
        return self._held is None or leader.epoch >= self._held

    async def _yield_to(self, leader: OverlappingLeader) -> None:
        self._leadership.see(leader.epoch)
        self._move(LeaseState.BLOCKED, leader.shard, leader.owner)
        await self._give_back()

    async def _give_back(self) -> None:
        self._held = None
        if self._may_hold:
            await self._nodes.call(self._key, "EVAL", RELEASE.text, 1, self._key, self._owner)
            self._may_hold = False

    def _move(
        self,
        state: LeaseState,
        shard: str = "",
        leader: str = "",
        *,
        epoch: int = 0,
        rest: float = 0.0,
    ) -> None:
        """Enter `state`, log it, and have the publisher lead or follow.

        Args:
            state: The new state, which may be the same as before.
            shard: In FOLLOWING and BLOCKED, the shard that has another leader.
            leader: In FOLLOWING and BLOCKED, that leader.
            epoch: In LEADING, the epoch to lead under.
            rest: In FENCED, the seconds until the next request for the lease.
        """
        before = (self.state, self.waits_for)
        self.state = state
        self.waits_for = {"shard": shard, "leader": leader} if state in _WAITING else None
        if state is LeaseState.LEADING:
            log.info("leading", epoch=epoch)
            self._publisher.lead(epoch)
            return
        if state in _WAITING and self._leadership.is_leading:
            log.warning("lease lost", shard=shard, leader=leader)
        is_new = before != (state, self.waits_for)
        if state is LeaseState.FENCED:
            log.warning("fenced by a newer epoch", epoch=self._leadership.newest_seen, rest=rest)
        elif state is LeaseState.FOLLOWING and is_new:
            log.warning("another collector leads this shard, waiting", shard=shard, leader=leader)
        elif state is LeaseState.BLOCKED and is_new:
            log.warning("overlapping shard has a leader, waiting", shard=shard, leader=leader)
        if self._leadership.is_leading:
            self._publisher.follow()

    def _log_trouble(self, error: Exception) -> None:
        corrupt = parse_corruption(str(error))
        if corrupt is not None:
            self._troubles.begin_corrupt(*corrupt)
        elif fields := self._troubles.begin(LEASE_TROUBLE, error, self._nodes.of(self._key)):
            log.error("lease request failed, retrying", **fields)
