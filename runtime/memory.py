"""Tune the garbage collector, return freed memory to the system, and read the limit of memory."""

from __future__ import annotations

import ctypes
import gc
from functools import cache
from pathlib import Path

# Each update creates dozens of objects, none of them in a cycle, so Python's thresholds
# (700, 10, 10) would search for cycles too often.
_THRESHOLDS = (5_000, 20, 20)

# Version 1 of control groups has a number near 2**63 for no limit.
_NO_LIMIT = 2**60


def tune_gc() -> None:
    """Freeze all existing objects and raise the collector's thresholds.

    Call it when all modules are loaded, so that full collections do not scan their objects. It
    does not collect first, because modules leave little garbage.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def release_freed_memory() -> None:
    """Return free pages of the C library to the system if it is glibc; else do nothing."""
    malloc_trim = _malloc_trim()
    if malloc_trim is not None:
        malloc_trim(0)


def memory_limit(
    groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """Return the bytes that the control groups of this process allow; 0 if none has a limit.

    A container, or a systemd unit with `MemoryMax`, has such a limit.

    Args:
        groups: The folder of all control groups.
        own: The file that names those of this process, as `number:controllers:/path`.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return 0
    limits: list[int] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += _limits(groups, path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(groups / "memory", path, "memory.limit_in_bytes")
    return min((limit for limit in limits if limit < _NO_LIMIT), default=0)


def _limits(root: Path, path: str, name: str) -> list[int]:
    """Return the limits of a group and of those that contain it.

    In a container, `path` can be that on its host, which does not exist; `root` is then the group
    of the container.
    """
    group = root / path.strip("/")
    found: list[int] = []
    for folder in (group, *group.parents):
        if folder.is_relative_to(root):
            try:
                found.append(int((folder / name).read_text()))
            except (OSError, ValueError):  # `max` is no number
                continue
    return found


@cache
def _malloc_trim() -> ctypes._FuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
