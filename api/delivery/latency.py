"""Measure the time from the collector to a reader, for a sample of writes.

Every second a random sample of the streams measures its next write. So the cost does not grow with
events or readers, and all readers have the same weight.
"""

from __future__ import annotations

from time import time_ns

from api.store.metrics import DELIVERY, UNMEASURED
from kraken_book.timestamps import parse_rfc3339

MEASURED_PER_SECOND = 100

_RECEIVED_AT = b'"received_at":"'
_TIME_BYTES = len("2026-08-02T03:35:51.702114Z")


def observe_latency(written: bytes) -> bool:
    """Count the age of the last event in `written`.

    If the event's time is invalid or later than this machine's clock, it is counted as unmeasured.

    Returns:
        Whether `written` has an event with `received_at`.
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
