"""Measure the time from the collector to a reader, for a sample of writes.

Every second a random sample of the streams measures its next write. So the cost does not grow with
events or readers, and all readers have the same weight.
"""

from __future__ import annotations

from time import monotonic, time_ns

from api.store.metrics import DELIVERY, SEND_SECONDS, UNMEASURED
from kraken_book.timestamps import parse_rfc3339
from runtime.fast_counter import event_labels

MEASURED_PER_SECOND = 100

_RECEIVED_AT = b'"received_at":"'
_ID = b"id: "
_TIME_BYTES = len("2026-08-02T03:35:51.702114Z")


def observe_latency(written: bytes, symbol: str, changed_at: float) -> bool:
    """Count the age of the last event in `written`, and the time since its log has changed.

    If the event's time is invalid or later than this machine's clock, it is counted as unmeasured.

    Args:
        written: What was written to a reader that has all events before it.
        symbol: The symbol of the stream, `*` for many.
        changed_at: The steady time at which the event was added to the stream's log.

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
    exemplar = _exemplar(written, found, symbol)
    SEND_SECONDS.observe(monotonic() - changed_at, exemplar)
    if latency < 0:
        UNMEASURED.inc()
    else:
        DELIVERY.observe(latency / 1e9, exemplar)
    return True


def _exemplar(written: bytes, at: int, symbol: str) -> dict[str, str] | None:
    """Return labels that name the event at an index; None if its id does not name it.

    On a stream of many books an id is a watermark.
    """
    message = written[written.rfind(b"\n\n", 0, at) + 1 : at].lstrip(b"\n")
    if symbol == "*" or not message.startswith(_ID):
        return None
    return event_labels(symbol, message[len(_ID) :].partition(b"\n")[0].decode())
