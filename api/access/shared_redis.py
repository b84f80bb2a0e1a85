"""The Redis that all replicas share, for limits: asked within a short deadline, or not at all.

A request must not wait for a Redis that hangs. After a failure the limits apply per replica, and
only `run` asks again, until Redis takes writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from redis.exceptions import RedisError

from api.store.metrics import LIMITS_SHARED
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe

log = get_logger(__name__)

T = TypeVar("T")

DEADLINE = 0.08
PROBE_INTERVAL = 1.0
# One late answer may be due to a busy event loop of this process.
MAX_TIMEOUTS = 2


class SharedRedis:
    """Asks Redis while it answers in time.

    Args:
        probe: Writes to Redis; raises redis.RedisError or OSError.
        deadline: Seconds after which an answer is too late.
        probe_interval: Seconds between two probes while Redis is away.

    Attributes:
        is_up: Whether the limits are shared.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[object]],
        deadline: float = DEADLINE,
        probe_interval: float = PROBE_INTERVAL,
    ) -> None:
        self._probe = probe
        self._deadline = deadline
        self._probe_interval = probe_interval
        self._timeouts = 0
        self._down_since = 0.0
        # A cluster of which one node is down may fail and recover every second.
        self._log = LimitedLog(log)
        self.is_up = True
        LIMITS_SHARED.set(1)

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """Return the answer to a question, None if Redis is away or late."""
        if not self.is_up:
            return None
        try:
            async with asyncio.timeout(self._deadline):
                answer = await question()
        except (RedisError, OSError) as error:
            self._note_failure(error)
            return None
        self._timeouts = 0
        return answer

    async def run(self) -> None:
        """Ask again while Redis is away, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._probe_interval)
            if not self.is_up:
                await self._try_again()

    async def _try_again(self) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                await self._probe()
        except (RedisError, OSError) as error:
            log.debug("limits still per replica", reason=describe(error).reason.value)
            return
        self._timeouts = 0
        self.is_up = True
        LIMITS_SHARED.set(1)
        self._log.info("limits shared again", seconds=round(monotonic() - self._down_since, 1))

    def _note_failure(self, error: Exception) -> None:
        trouble = describe(error)
        is_late = trouble.reason is Reason.TIMED_OUT
        self._timeouts += is_late
        if not self.is_up or (is_late and self._timeouts < MAX_TIMEOUTS):
            return
        self.is_up = False
        self._down_since = monotonic()
        LIMITS_SHARED.set(0)
        self._log.warning(
            "limits per replica", reason=trouble.reason.value, error=trouble.text or "no answer"
        )
