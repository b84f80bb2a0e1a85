"""Whether the compiled hot path of a frame is used.

The module `kraken_book._speedups` (its sources are in `kraken_book/c`) is optional. Without it, the
same work is done in Python, with the same results.
"""

from __future__ import annotations

import os

PURE_VARIABLE = "KRAKEN_BOOK_PURE"
"""If this environment variable is set to anything but `0`, the compiled module is not used."""


def _is_installed() -> bool:
    try:
        import kraken_book._speedups  # noqa: F401, PLC0415 - it is optional
    except ImportError:
        return False
    return True


IS_COMPILED = os.environ.get(PURE_VARIABLE, "0") in {"", "0"} and _is_installed()
"""Whether the compiled module is installed and used."""
