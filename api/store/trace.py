"""The trace of events in the log of the api, at the level debug of `api.trace`.

The lines of the collector have the same `id`, `symbol`, `epoch` and `seq`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from api.store.stream_entry import StreamEntry
from runtime.logs import get_logger

LOGGER = "api.trace"

log = get_logger(LOGGER)

# The first members of an event always have this order.
_EVENT = re.compile(
    rb'^(?:id: (?P<id>\S+)\n)?data: \{"symbol":"(?P<symbol>[^"]+)","kind":"(?P<kind>\w+)"'
    rb',"seq":(?P<seq>\d+|null),"epoch":(?P<epoch>\d+|null)',
    re.MULTILINE,
)


def is_tracing() -> bool:
    """Return whether events are traced; ask once, after the log is configured."""
    return logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)


def trace_read(symbol: str, entries: Iterable[StreamEntry]) -> None:
    """Log events that were read from Redis."""
    for entry in entries:
        position = entry.position
        log.debug(
            "event read",
            symbol=symbol,
            id=entry.id,
            kind=entry.kind,
            epoch=position.epoch,
            seq=position.seq,
        )


def trace_written(stream: str, sse: bytes) -> None:
    """Log the events of a write to a reader.

    Args:
        stream: The symbol of the reader's stream, `*` for many: then `id` is a watermark or absent.
        sse: What was written.
    """
    for event in _EVENT.finditer(sse):
        fields = {name: text.decode() for name, text in event.groupdict(b"").items()}
        log.debug(
            "event written",
            stream=stream,
            symbol=fields["symbol"],
            id=fields["id"] or None,
            kind=fields["kind"],
            epoch=_number(fields["epoch"]),
            seq=_number(fields["seq"]),
        )


def _number(text: str) -> int | None:
    return None if text == "null" else int(text)
