"""Times as Kraken writes them: RFC 3339, UTC, six decimals, `Z`."""

from __future__ import annotations

import time
from functools import lru_cache


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def time_text(us: int) -> str:
    """The text of a time in microseconds since 1970."""
    seconds, fraction = divmod(us, 1_000_000)
    return f"{_second_text(seconds)}.{fraction:06d}Z"


# Nearly all frames of a moment share their second.
@lru_cache(maxsize=16)
def _second_text(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
