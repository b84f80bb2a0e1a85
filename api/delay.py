"""How long events take to readers: measured on some writes, from the event's own time.

Each second some of the streams measure their next write. So it costs nothing per event or reader,
and every reader counts alike.
"""

from __future__ import annotations

from time import time_ns

from api.metrics import DELIVERY
from kraken_book.times import parse_rfc3339

MEASURED_A_SECOND = 100

_RECEIVED_AT = b'"received_at":"'
_TIME_BYTES = len("2026-08-02T03:35:51.702114Z")


def observe_delay(written: bytes) -> bool:
    """Count since when the last event in `written` was known; whether there was one to count."""
    found = written.rfind(_RECEIVED_AT)
    if found < 0:
        return False
    begin = found + len(_RECEIVED_AT)
    received_at = parse_rfc3339(written[begin : begin + _TIME_BYTES].decode())
    # The collector's clock may be ahead of this one.
    DELIVERY.observe(max(0, time_ns() - received_at) / 1e9)
    return True
