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

from redis.exceptions import RedisError

from collector.metrics import EPOCH, LEADING
from collector.settings import Shard
from kraken_book.redis_contract.keys import lease_key
from kraken_book.redis_contract.script import LEASE, RELEASE
from service.logs import get_logger
from service.redis_nodes import Nodes

log = get_logger(__name__)


class Lease:
    """A shard's lease, taken when it is free and renewed three times in its life.

    `on_lead` is called with each new epoch, `on_follow` when another leads.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        seconds: float,
        on_lead: Callable[[int], None],
        on_follow: Callable[[], None],
    ) -> None:
        self._nodes = nodes
        self._key = lease_key(str(shard))
        self._seconds = seconds
        self._on_lead = on_lead
        self._on_follow = on_follow
        # Two of one pid happen: containers number from 1.
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._least_epoch = 0
        self._retry = asyncio.Event()
        self._said = ""
        self.epoch: int | None = None

    def fenced(self, epoch: int) -> None:
        """A newer `epoch` has written: lead under a newer one still, or no more."""
        self._least_epoch = max(self._least_epoch, epoch + 1)
        self._led(None)
        self._retry.set()

    async def run(self) -> None:
        """Hold the lease, or wait for it, for ever."""
        while True:
            self._retry.clear()
            await self._take()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds / 3):
                    await self._retry.wait()

    async def release(self) -> None:
        """Let another lead at once."""
        if self.epoch is not None:
            self._led(None)
            await self._nodes.call(self._key, "EVAL", RELEASE.text, 1, self._key, self._owner)

    async def _take(self) -> None:
        milliseconds = int(self._seconds * 1000)
        try:
            ours, value = await self._nodes.call(
                self._key,
                *("EVAL", LEASE.text, 1),
                *(self._key, self._owner, milliseconds, self._least_epoch),
            )
        except (RedisError, OSError) as error:
            # Not known to be lost: who leads goes on gathering, and the epoch guards the streams.
            self._say("redis cannot be reached, waiting for it", error=str(error))
            return
        if not ours:
            self._say(
                "another collector leads this shard, waiting", leader=value.decode(errors="replace")
            )
            if self.epoch is not None:
                self._led(None)
                self._on_follow()
        elif value != self.epoch:
            self._said = ""
            log.info("leading", epoch=value)
            self._least_epoch = value
            self._led(value)
            self._on_lead(value)

    def _led(self, epoch: int | None) -> None:
        self.epoch = epoch
        LEADING.set(epoch is not None)
        EPOCH.set(epoch or 0)

    def _say(self, what: str, **facts: object) -> None:
        """Log what is so, once as long as it is."""
        if self._said != what:
            self._said = what
            log.warning(what, **facts)
