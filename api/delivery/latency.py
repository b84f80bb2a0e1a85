"""How long events take to readers: measured on some writes, from the event's own time.

Each second some of the streams measure their next write. So it costs nothing per event or reader,
and every reader counts alike.
"""

from __future__ import annotations

from time import time_ns

from api.metrics import DELIVERY, UNMEASURED
from kraken_book.timestamps import parse_rfc3339

MEASURED_A_SECOND = 100

_RECEIVED_AT = b'"received_at":"'
_TIME_BYTES = len("2026-08-02T03:35:51.702114Z")


def observe_delay(written: bytes) -> bool:
    """Count since when the last event in `written` was known; return whether there was one.

    A delay that cannot be told is counted as such: one of a time that is none, or that is later
    than this machine's clock, which would pass for the shortest of all.
    """
    found = written.rfind(_RECEIVED_AT)
    if found < 0:
        return False
    begin = found + len(_RECEIVED_AT)
    try:
        delay = time_ns() - parse_rfc3339(written[begin : begin + _TIME_BYTES].decode())
    except (ValueError, OverflowError):
        delay = -1
    if delay < 0:
        UNMEASURED.inc()
    else:
        DELIVERY.observe(delay / 1e9)
    return True
