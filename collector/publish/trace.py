"""The trace of events in the log, from the queue to the stream in Redis, at the level debug.

`received_at` leads to the line of the frame (`collector.feed.frame_trace`), `id` to the lines of
the api.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from collector.feed.frame_trace import LOGGER
from kraken_book.contract.write import WriteCall
from runtime.logs import get_logger

log = get_logger(LOGGER)


def trace_sent(calls: Iterable[WriteCall]) -> None:
    """Log the events of calls that are sent to Redis now, also again."""
    for call in calls:
        for event in _events(call):
            log.debug("event sent to redis", **event)


def trace_published(call: WriteCall, last_id: str) -> None:
    """Log the events of a call that Redis has carried out, each with its id.

    Args:
        call: The call.
        last_id: The id of its last event; all events of a call have the same time.
    """
    milliseconds = last_id.partition("-")[0]
    for event in _events(call):
        log.debug("event published", id=f"{milliseconds}-{event['seq']}", **event)


class _Traced(msgspec.Struct):
    """The members by which an event is followed; a status has no `received_at`."""

    symbol: str
    kind: str
    epoch: int
    seq: int
    received_at: str | None = None
    checksum: int | None = None


_decoder = msgspec.json.Decoder(_Traced)


def _events(call: WriteCall) -> Iterator[dict[str, object]]:
    for data in call.event_data():
        yield msgspec.structs.asdict(_decoder.decode(data))
