"""The compiled hot path of a frame, if it is installed.

`compiled` is the module `kraken_book._speedups`, whose sources are in `kraken_book/c`. It is None
if the module was not built, or if the environment variable `KRAKEN_BOOK_PURE` is set to anything
but `0`. Then the same work is done in Python, with the same results.
"""

from __future__ import annotations

import os

__all__ = ["PURE_VARIABLE", "compiled"]

PURE_VARIABLE = "KRAKEN_BOOK_PURE"

if os.environ.get(PURE_VARIABLE, "0") in {"", "0"}:
    try:
        from kraken_book import _speedups as compiled
    except ImportError:
        compiled = None  # type: ignore[assignment]  # the declared type is the module's
else:
    compiled = None  # type: ignore[assignment]
