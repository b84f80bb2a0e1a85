"""When a frame was read from its socket."""

from __future__ import annotations

from time import monotonic_ns, time_ns
from typing import NamedTuple


class Stamp(NamedTuple):
    """One moment on two clocks, in nanoseconds: Unix time to tell, a steady one to measure by."""

    unix: int
    steady: int


def stamp_now() -> Stamp:
    """This moment."""
    return Stamp(time_ns(), monotonic_ns())
