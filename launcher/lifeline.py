"""No process outlives the one that started it, not even where that one is killed with SIGKILL."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1

# Looked up here, because between fork and exec little is safe to do.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends; it survives exec.

    Linux alone can do that. Elsewhere this does nothing, and only a SIGKILL of the parent leaves
    processes behind.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
