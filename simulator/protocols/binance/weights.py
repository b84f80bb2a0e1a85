"""The weight of REST requests, which Binance limits for each minute of the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

WEIGHT_A_MINUTE = 6000
_IGNORED_REFUSALS = 10
"""The number of requests after a 429 in one minute that lead to a ban."""
_BAN_SECONDS = 120.0


class WeightVerdict(NamedTuple):
    """Whether a request is served.

    Attributes:
        status: 200, 429 or 418.
        used: The weight of this minute.
        retry_after: The seconds to wait; None if it is served.
    """

    status: int
    used: int
    retry_after: float | None


class WeightMeter:
    """Counts the weight of all requests.

    Args:
        limit: The weight a minute.
        clock: Returns Unix seconds.

    """

    def __init__(
        self, limit: int = WEIGHT_A_MINUTE, clock: Callable[[], float] = time.time
    ) -> None:
        self.limit = limit
        self._clock = clock
        self._minute = 0
        self._used = self._refusals = 0
        self._banned_until = 0.0

    @property
    def banned_until(self) -> float:
        """The Unix seconds at which the ban ends; 0 without a ban."""
        return self._banned_until

    def take(self, weight: int) -> WeightVerdict:
        """Count a request; return whether it is served."""
        now = self._clock()
        if now < self._banned_until:
            return WeightVerdict(418, self._used, self._banned_until - now)
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._used, self._refusals = minute, 0, 0
        self._used += weight
        if self._used <= self.limit:
            return WeightVerdict(200, self._used, None)
        self._refusals += 1
        if self._refusals > _IGNORED_REFUSALS:
            self._banned_until = now + _BAN_SECONDS
            return WeightVerdict(418, self._used, _BAN_SECONDS)
        return WeightVerdict(429, self._used, 60 * (minute + 1) - now)
