"""Tune the garbage collector, and return freed memory to the system."""

from __future__ import annotations

import ctypes
import gc
from functools import cache

# Each update creates dozens of objects, none of them in a cycle, so Python's thresholds
# (700, 10, 10) would search for cycles too often.
_THRESHOLDS = (5_000, 20, 20)


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


@cache
def _malloc_trim() -> ctypes._FuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
