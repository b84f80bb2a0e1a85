"""Count events of a caller in a minute, in all replicas together, without asking Redis each time.

A replica takes several permits at once and gives them out: one for a caller that is slow, and up to
a twentieth of the limit for one that is fast. Redis counts permits when they are taken. So all
replicas together never take more than the limit in a window. A permit is given out within
`GRANT_SECONDS`, or lost. A refusal holds, without a question to Redis, until a permit may be free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from time import monotonic, time
from typing import NamedTuple

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from api.access.limits import WINDOW_SECONDS
from api.access.shared_redis import SharedRedis
from api.access.window_storage import WindowStorage

GRANT_SECONDS = 5.0
# A share of the limit that one replica may hold at once.
GRANT_DIVISOR = 20
# Permits that are used up sooner are doubled, those that last longer are halved.
FAST_SECONDS, SLOW_SECONDS = 0.1, 1.0
REFUSAL_SECONDS = (0.05, 1.0)
MAX_CALLERS = 20_000


class Standing(NamedTuple):
    """The outcome for one event."""

    is_allowed: bool
    remaining: int
    """The events that are still allowed, as far as this replica knows."""
    seconds: float
    """The time until another event is allowed, if none is, or until `remaining` grows."""
    refusals: int = 0
    """How many events this replica has refused since it allowed the last one."""


class Acquired(NamedTuple):
    """Permits that were taken from the window."""

    permits: int
    remaining: int
    reset_seconds: float


class Counters:
    """Takes permits from the shared windows; from those of this replica while Redis is away."""

    def __init__(self, redis: SharedRedis, storage: WindowStorage) -> None:
        self._redis = redis
        self._shared = SlidingWindowCounterRateLimiter(storage)
        self._memory = MemoryStorage()
        self._local = SlidingWindowCounterRateLimiter(self._memory)

    async def acquire(self, item: RateLimitItem, caller: str, permits: int) -> Acquired:
        """Take `permits`, or one if that is too many, or none."""
        found = await self._redis.ask(lambda: _acquire(self._shared, item, caller, permits))
        if found is not None:
            return found
        if len(self._memory.storage) > MAX_CALLERS:
            await self._memory.reset()
        return await _acquire(self._local, item, caller, permits)


async def _acquire(
    limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, caller: str, permits: int
) -> Acquired:
    taken = permits
    if not await limiter.hit(item, caller, cost=permits):
        taken = int(permits > 1 and await limiter.hit(item, caller))
    reset_at, remaining = await limiter.get_window_stats(item, caller)
    return Acquired(taken, remaining, max(0.0, reset_at - time()))


class _Quota:
    """The permits that this replica holds for one caller."""

    __slots__ = (
        "asking",
        "permits",
        "refusals",
        "refused_until",
        "remaining",
        "reset_at",
        "size",
        "taken_at",
        "valid_until",
    )

    def __init__(self) -> None:
        self.permits = self.remaining = self.refusals = 0
        self.size = 1
        self.taken_at = self.valid_until = self.refused_until = self.reset_at = float("-inf")
        self.asking: asyncio.Task[None] | None = None

    @property
    def is_spent(self) -> bool:
        """Whether the last permit of the window is used, or being asked for."""
        return self.asking is not None or not (self.permits or self.remaining)

    def next_size(self, now: float, most: int) -> int:
        """Return how many permits to take, by how fast the last ones were used."""
        if self.permits:
            # The rest of them is too old.
            self.size = 1
        elif now - self.taken_at < FAST_SECONDS:
            self.size *= 2
        elif now - self.taken_at > SLOW_SECONDS:
            self.size //= 2
        self.size = max(1, min(self.size, most))
        return self.size

    def add(self, acquired: Acquired, now: float) -> None:
        """Note the permits that were taken."""
        self.permits = acquired.permits
        self.remaining = acquired.remaining
        self.taken_at, self.valid_until = now, now + GRANT_SECONDS
        self.reset_at = now + acquired.reset_seconds
        if not acquired.permits:
            least, most = REFUSAL_SECONDS
            self.refused_until = now + min(max(acquired.reset_seconds, least), most)


class Rates:
    """Limits of events a minute, for each caller.

    Args:
        name: The name of the limit.
        counters: Counts for all replicas.
        seconds: The length of a window.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        counters: Counters,
        seconds: int = WINDOW_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._counters = counters
        self._seconds = seconds
        self._clock = clock
        # In the order of their last use.
        self._quotas: dict[str, _Quota] = {}

    async def count(self, caller: str, allowed: int) -> Standing:
        """Count an event of a caller if it is allowed; return whether it is."""
        quota = self._quota(caller)
        if not await self._has_permit(caller, quota, allowed):
            return self._refusal(quota)
        quota.permits -= 1
        quota.refusals = 0
        return self._standing(quota, quota.remaining + quota.permits)

    async def check(self, caller: str, allowed: int) -> Standing | None:
        """Return the refusal of a caller whose next event is not allowed; count nothing.

        Returns:
            None if the event is allowed, or if this replica has counted no event of the caller.
        """
        quota = self._quotas.get(caller)
        if quota is None or not quota.is_spent or await self._has_permit(caller, quota, allowed):
            return None
        return self._refusal(quota)

    async def _has_permit(self, caller: str, quota: _Quota, allowed: int) -> bool:
        """Return whether a permit is here, or can be taken from the window."""
        while True:
            now = self._clock()
            if quota.permits and now < quota.valid_until:
                return True
            if now < quota.refused_until:
                return False
            if quota.asking is None:
                quota.asking = asyncio.create_task(self._take_permits(caller, quota, allowed))
            # One of many waiting requests may leave; the others need the answer.
            await asyncio.shield(quota.asking)

    def _refusal(self, quota: _Quota) -> Standing:
        quota.refusals += 1
        return self._standing(quota, 0, is_allowed=False)

    def _standing(self, quota: _Quota, remaining: int, *, is_allowed: bool = True) -> Standing:
        seconds = max(0.0, quota.reset_at - self._clock())
        return Standing(is_allowed, remaining, seconds, quota.refusals)

    def _quota(self, caller: str) -> _Quota:
        quota = self._quotas.pop(caller, None) or _Quota()
        self._quotas[caller] = quota
        if len(self._quotas) > MAX_CALLERS:
            del self._quotas[next(iter(self._quotas))]
        return quota

    async def _take_permits(self, caller: str, quota: _Quota, allowed: int) -> None:
        try:
            size = quota.next_size(self._clock(), max(1, allowed // GRANT_DIVISOR))
            item = _item(self._name, allowed, self._seconds)
            quota.add(await self._counters.acquire(item, caller, size), self._clock())
        finally:
            quota.asking = None


@lru_cache(maxsize=1024)
def _item(name: str, allowed: int, seconds: int) -> RateLimitItem:
    return RateLimitItemPerSecond(allowed, seconds, namespace=name)
