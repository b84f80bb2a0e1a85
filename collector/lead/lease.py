"""Who publishes: a lease in Redis, one leader a shard.

The lease only keeps collectors from getting in each other's way; that no two ever write to one
stream is the epoch's work, which the write script checks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable
from time import monotonic

from redis.exceptions import RedisError, ResponseError

from collector.lead.overlap import Rival, Rivals
from collector.metrics import EPOCH, LEADING
from collector.report.troubles import Troubles
from collector.settings import Shard
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import lease_key
from kraken_book.contract.script import LEASE, RELEASE
from kraken_book.contract.write import parse_corruption
from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# Who waits looks so often whether the lease is free.
WAIT_SECONDS = 0.5
# A collector that is fenced twice within CALM_SECONDS rests before it leads again.
CALM_SECONDS = 60.0
LEAST_REST = 0.1
LEASE_TROUBLE = "the lease"
# What the script says was wrong with a lease, in words.
_WRONG = {
    b"replaced": "was no lease of a leader",
    b"endless": "had no end, or one that no leader sets",
}


class Lease:
    """A shard's lease, taken when it is free and renewed three times in its life.

    `on_lead` is called with each new epoch, `on_follow` when another leads; `waits_for` says who.
    Where one of another count leads symbols of this shard, its lease counts as this one: see
    `rivals`. Of two who took theirs at once the one with the newer epoch stays, as in the streams.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        seconds: float,
        on_lead: Callable[[int], None],
        on_follow: Callable[[], None],
        troubles: Troubles | None = None,
    ) -> None:
        self._nodes = nodes
        self._shard = shard
        self._key = lease_key(str(shard))
        self._troubles = troubles or Troubles()
        self._rivals = Rivals(nodes, shard, self._troubles)
        self._seconds = seconds
        self._fencings = Backoff(LEAST_REST, max(LEAST_REST, seconds / 3))
        self._fenced_at = float("-inf")
        self._rest_until = 0.0
        self._on_lead = on_lead
        self._on_follow = on_follow
        # Two of one pid happen: containers number from 1.
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._newest_seen = 0
        # The epoch of the lease that Redis gave us; after a fencing we hold it and do not lead.
        self._held: int | None = None
        # Whether Redis may have given us the lease, also where its answer did not come.
        self._asked = False
        self._retry = asyncio.Event()
        self._said = ""
        self.epoch: int | None = None
        self.waits_for: dict[str, str] | None = None

    def fenced(self, epoch: int) -> None:
        """A newer `epoch` has written: lead under a newer one still, or no more.

        At once the first time; if it happens again and again, after a rest that grows.
        """
        self._see(epoch)
        self._led(None)
        now = monotonic()
        if now - self._fenced_at < CALM_SECONDS:
            self._rest_until = now + self._fencings.next()
        else:
            self._fencings.reset()
        self._fenced_at = now
        self._retry.set()

    async def run(self) -> None:
        """Hold the lease, or wait for it, for ever."""
        while True:
            self._retry.clear()
            await self._take()
            third = self._seconds / 3
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(third if self.epoch else min(third, WAIT_SECONDS)):
                    await self._retry.wait()
            await asyncio.sleep(max(0.0, self._rest_until - monotonic()))

    async def release(self) -> None:
        """Let another lead at once."""
        self._led(None)
        self._held = None
        if self._asked:
            await self._nodes.call(self._key, "EVAL", RELEASE.text, 1, self._key, self._owner)
            self._asked = False

    async def _take(self) -> None:
        try:
            rival = await self._newest_rival()
            if rival is not None and self._yields_to(rival):
                await self._keep_aside(rival)
            else:
                await self._take_or_renew()
        except (RedisError, OSError) as error:
            # Not known to be lost: who leads goes on gathering, and the epoch guards the streams.
            self._say_trouble(error)
        else:
            self._troubles.over(self._key, "redis renews the lease again")
            self._troubles.over(LEASE_TROUBLE, "redis renews the lease again")

    def _say_trouble(self, error: Exception) -> None:
        corrupt = parse_corruption(str(error))
        if corrupt is not None:
            self._troubles.say_corrupt(*corrupt)
            return
        trouble = describe(error)
        event = f"{trouble.says}, waiting for it"
        if isinstance(error, ResponseError):
            # Redis's word that it is full, a replica, or not allowed to us.
            event = "redis answers that it cannot renew the lease, trying on"
        self._troubles.say(LEASE_TROUBLE, event, error, self._nodes.of(self._key))

    async def _newest_rival(self) -> Rival | None:
        if self.epoch is None:
            return await self._rivals.newest()
        try:
            # In a cluster their node may hang while ours does not: renewing cannot wait.
            async with asyncio.timeout(self._seconds / 3):
                return await self._rivals.newest()
        except (RedisError, OSError):
            return None

    async def _take_or_renew(self) -> None:
        milliseconds = int(self._seconds * 1000)
        self._asked = True
        ours, value, *more = await self._nodes.call(
            self._key,
            *("EVAL", LEASE.text, 1),
            *(self._key, self._owner, milliseconds, self._newest_seen),
        )
        if wrong := more[1 - ours :]:
            self._troubles.say_repaired(self._key, _WRONG[wrong[0]])
        if not ours:
            self._see(more[0])
            self._held, self._asked = None, False
            self._stand_by(str(self._shard), value.decode(errors="replace"))
        elif value != self.epoch:
            await self._begin(value)

    async def _begin(self, epoch: int) -> None:
        self._held = epoch
        await self._rivals.announce()
        rival = await self._rivals.newest()
        if rival is not None and self._yields_to(rival):
            await self._keep_aside(rival)
            return
        self._said, self.waits_for = "", None
        log.info("leading", epoch=epoch)
        self._see(epoch)
        self._led(epoch)
        self._on_lead(epoch)

    def _yields_to(self, rival: Rival) -> bool:
        # Neither stays where both have the same: two writers of one epoch no stream can tell apart.
        return self._held is None or rival.epoch >= self._held

    async def _keep_aside(self, rival: Rival) -> None:
        self._see(rival.epoch)
        self._stand_by(rival.shard, rival.owner)
        await self.release()

    def _stand_by(self, shard: str, leader: str) -> None:
        what = (
            "another collector leads this shard, waiting"
            if shard == str(self._shard)
            else "a shard of another count leads symbols of this one, waiting until it is stopped"
        )
        self._say(what, shard=shard, leader=leader)
        self.waits_for = {"shard": shard, "leader": leader}
        if self.epoch is not None:
            self._led(None)
            self._on_follow()

    def _see(self, *epochs: int) -> None:
        self._newest_seen = max(self._newest_seen, *epochs)

    def _led(self, epoch: int | None) -> None:
        self.epoch = epoch
        LEADING.set(epoch is not None)
        EPOCH.set(epoch or 0)

    def _say(self, what: str, **facts: str) -> None:
        """Log what is so, once as long as it is."""
        so = f"{what} {facts.get('leader')}"
        if self._said != so:
            self._said = so
            log.warning(what, **facts)
