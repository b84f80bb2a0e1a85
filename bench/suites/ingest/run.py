"""What one measure gives, and how its end is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from bench.load.cores import cpu_seconds
from bench.load.flood import FloodFeed
from bench.suite import MeasureFailed

COLLECTOR_CORE = 0
OTHER_CORE = 1
"""Redis's; the flood and this process, which do little, are there too."""

LIMIT_SECONDS = 120.0
_POLL_SECONDS = 0.005


class Run(NamedTuple):
    """So many updates, from the first that was sent until the last of every symbol was in Redis.

    `cpu_seconds` are the reader's.
    """

    updates: int
    seconds: float
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Updates a second."""
        return self.updates / self.seconds

    @property
    def cpu_us(self) -> float:
        """What an update costs the reader."""
        return self.cpu_seconds / self.updates * 1e6


def timed(
    send: Callable[[], float], served: FloodFeed, pid: int, is_there: Callable[[str, int], bool]
) -> Run:
    """Let the flood `send` to process `pid`, and return once each symbol's updates are there.

    `send` returns when the first went, by the steady clock; `is_there` says of a symbol whether
    Redis has all of so many updates. Only one is asked about at a time, which costs Redis next to
    nothing. Raises MeasureFailed where it takes too long.
    """
    cpu_before = cpu_seconds(pid)
    begun = send()
    for symbol, count in served.updates.items():
        while not is_there(symbol, count):
            if time.monotonic() - begun > LIMIT_SECONDS:
                raise MeasureFailed(f"{symbol} was not all there after {LIMIT_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - begun
    return Run(served.total, seconds, cpu_seconds(pid) - cpu_before)
