"""Memory that Python has freed, and the C library keeps for later."""

from __future__ import annotations

import ctypes
from functools import cache


def give_back_freed_memory() -> None:
    """Have the C library give free pages back to the system, if it can (glibc)."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> ctypes._FuncPointer | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
