"""Pin processes to cores, if the system allows it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_can_pin = hasattr(os, "sched_setaffinity")
# Read before this module pins its own process.
_USABLE = sorted(os.sched_getaffinity(0)) if _can_pin else [0]


def count_cores() -> int:
    """Return the number of cores that processes can be pinned to; 1 if they cannot be pinned."""
    return len(_USABLE)


class Placement(NamedTuple):
    """The cores of a server, of its Redis with whatever publishes, and of the readers."""

    server: int
    redis: int
    readers: tuple[int, ...]

    @property
    def have_readers_cores(self) -> bool:
        """Whether the readers share no core with the others."""
        return not {self.server, self.redis} & set(self.readers)


def placement(cores: int) -> Placement:
    """Return the placement on so many cores: the server alone, if there are two or more."""
    if cores == 1:
        return Placement(0, 0, (0,))
    return Placement(0, 1, {2: (1,), 3: (2,)}.get(cores, (2, 3)))


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
