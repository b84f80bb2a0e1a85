"""Memory: how often Python looks for garbage, and what the C library keeps of freed memory."""

from __future__ import annotations

import ctypes
import gc
from functools import cache

# Each update makes dozens of objects, none of them in a cycle. With Python's own (700, 10, 10) a
# twelfth of an update's time goes into looking for cycles (bench --only core).
_THRESHOLDS = (5_000, 20, 20)


def tune_gc() -> None:
    """Keep what exists from being searched for garbage, and search the rest less often.

    Call it once all modules are loaded. Otherwise each full collection goes through all that they
    define, which takes 30 ms (bench --only stalls). Nor is there one here: of 65,000 objects it
    would free 700.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def give_back_freed_memory() -> None:
    """Return free pages from the C library to the system, if it can do that (glibc)."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> ctypes._FuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
