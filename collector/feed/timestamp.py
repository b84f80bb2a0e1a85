"""The time at which a frame was read from its socket."""

from __future__ import annotations

from time import monotonic_ns, time_ns
from typing import NamedTuple


class Timestamp(NamedTuple):
    """One moment on two clocks, in nanoseconds: Unix time to show, a steady one to measure."""

    unix: int
    steady: int


def timestamp_now() -> Timestamp:
    """Return the current time of both clocks."""
    return Timestamp(time_ns(), monotonic_ns())
