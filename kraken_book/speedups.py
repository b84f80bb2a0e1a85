"""The compiled hot path of a frame, if it is installed.

`compiled` is the module `kraken_book._speedups` (its sources are in `kraken_book/c`), or None: if it
was not built, or if the environment variable `KRAKEN_BOOK_PURE` is set to anything but `0`. Without
it, the same work is done in Python, with the same results.
"""

from __future__ import annotations

import os

PURE_VARIABLE = "KRAKEN_BOOK_PURE"

try:
    if os.environ.get(PURE_VARIABLE, "0") not in ("", "0"):
        raise ImportError(f"{PURE_VARIABLE} is set")
    from kraken_book import _speedups as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]  # the declared type is the module's
