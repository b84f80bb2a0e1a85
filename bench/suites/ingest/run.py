"""One run of a flood: its figures, and the detection of its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bench.suite import MeasureFailed
from lab.process_table import cpu_seconds

COLLECTOR_CORE = 0
OTHER_CORE = 1
"""The core of Redis, of the flood and of this process, which need little CPU."""

LIMIT_SECONDS = 120.0
_POLL_SECONDS = 0.005


class Run(NamedTuple):
    """The figures of a run, from the first update that was sent until all were in Redis.

    `cpu_seconds` is the CPU of the process that reads the flood.
    """

    updates: int
    seconds: float
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Updates per second."""
        return self.updates / self.seconds

    @property
    def cpu_us(self) -> float:
        """The CPU for each update, in microseconds."""
        return self.cpu_seconds / self.updates * 1e6


def timed(
    send: Callable[[], float],
    sent: Mapping[str, int],
    pid: int,
    is_there: Callable[[str, int], bool],
) -> Run:
    """Let the flood send its updates, and wait until all of them are in Redis.

    Args:
        send: Sends the updates; returns the time of the first, by time.monotonic.
        sent: The number of updates of each symbol.
        pid: The process that reads the flood.
        is_there: Return whether Redis has this number of updates of a symbol. It is called for one
            symbol at a time, which needs little of Redis's CPU.

    Returns:
        The figures of the run.

    Raises:
        MeasureFailed: The updates are not in Redis in time.

    """
    cpu_before = cpu_seconds(pid)
    begun = send()
    for symbol, count in sent.items():
        while not is_there(symbol, count):
            if time.monotonic() - begun > LIMIT_SECONDS:
                raise MeasureFailed(f"updates of {symbol} are missing after {LIMIT_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - begun
    return Run(sum(sent.values()), seconds, cpu_seconds(pid) - cpu_before)
