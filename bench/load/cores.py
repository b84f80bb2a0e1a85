"""Pin processes to cores, if the system allows it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_can_pin = hasattr(os, "sched_setaffinity")
# Read before this module pins its own process.
_USABLE = sorted(os.sched_getaffinity(0)) if _can_pin else [0]


def pin(pids: Iterable[int], core: int) -> None:
    """Pin these processes, with all their threads, to one core, numbered from 0."""
    for pid in pids if _can_pin else ():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {_USABLE[core % len(_USABLE)]})


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Pin this process to one core until the context ends."""
    pin([os.getpid()], core)
    try:
        yield
    finally:
        if _can_pin:
            os.sched_setaffinity(0, _USABLE)
