"""Measure, on some writes, how long events take to reach readers.

Each second some of the streams measure their next write. So it costs nothing per event or reader,
and every reader counts alike.
"""

from __future__ import annotations

from time import time_ns

from api.store.metrics import DELIVERY, UNMEASURED
from kraken_book.timestamps import parse_rfc3339

MEASURED_PER_SECOND = 100

_RECEIVED_AT = b'"received_at":"'
_TIME_BYTES = len("2026-08-02T03:35:51.702114Z")


def observe_latency(written: bytes) -> bool:
    """Count the age of the last event in `written`; return whether there was one.

    An age that is unknown is counted apart: of an event without a time, or with a time later than
    this machine's clock, which would count as the shortest of all.
    """
    found = written.rfind(_RECEIVED_AT)
    if found < 0:
        return False
    begin = found + len(_RECEIVED_AT)
    try:
        latency = time_ns() - parse_rfc3339(written[begin : begin + _TIME_BYTES].decode())
    except (ValueError, OverflowError):
        latency = -1
    if latency < 0:
        UNMEASURED.inc()
    else:
        DELIVERY.observe(latency / 1e9)
    return True
