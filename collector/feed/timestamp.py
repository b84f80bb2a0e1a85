"""When a frame was read from its socket."""

from __future__ import annotations

from time import monotonic_ns, time_ns
from typing import NamedTuple


class Timestamp(NamedTuple):
    """One moment on two clocks, in nanoseconds: Unix time to tell, a steady one to measure by."""

    unix: int
    steady: int


def timestamp_now() -> Timestamp:
    """Return this moment."""
    return Timestamp(time_ns(), monotonic_ns())
