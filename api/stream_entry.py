"""An event as it lies in a stream of Redis, and whether it goes on from another."""

from __future__ import annotations

from typing import NamedTuple, cast

import msgspec

from api.frame_log import Place
from service.logs import get_logger

log = get_logger(__name__)

StreamReply = list[tuple[bytes, dict[bytes, bytes]]]

# One read of one stream; what is more follows at once.
MOST_ENTRIES = 1000


class Entry(NamedTuple):
    """An event as it lies in a stream."""

    id: str
    kind: str
    place: Place
    data: bytes


def entries_in(symbol: str, reply: object) -> list[Entry]:
    """The events in an XRANGE's reply; what is none is said in the log and passed over."""
    if isinstance(reply, Exception):
        log.error("a stream cannot be read", symbol=symbol, error=str(reply))
        return []
    entries = []
    for event_id, fields in cast("StreamReply", reply):
        try:
            place = Place(int(fields[b"epoch"]), int(fields[b"seq"]))
            kind, data = fields[b"kind"].decode(), fields[b"data"]
        except (KeyError, ValueError) as error:
            log.error("an entry is no event", symbol=symbol, id=event_id, error=repr(error))
        else:
            entries.append(Entry(event_id.decode(), kind, place, data))
    return entries


def id_order(event_id: str) -> tuple[int, int]:
    """What entries' ids are ordered by: the milliseconds, then the number."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)


def follows(entry: Entry, last: Place) -> bool:
    """Whether nothing lies between `last` and `entry` that a reader would miss."""
    if entry.place.seq <= last.seq:
        # A newer epoch whose numbers begin again knows nothing of what was before.
        return False
    if entry.kind == "snapshot":
        return counts_from(entry) in (None, last.seq)
    if entry.place.epoch != last.epoch:
        return entry.kind == "status"
    return entry.place.seq == last.seq + 1


def unbroken(entries: list[Entry]) -> list[Entry]:
    """The last of `entries` that follow on each other."""
    begin = 0
    for index in range(1, len(entries)):
        if not follows(entries[index], entries[index - 1].place):
            begin = index
    return entries[begin:]


def counts_from(entry: Entry) -> int | None:
    """The seq of the event after which a snapshot counts what it stands for; None where unknown.

    After a failover of Redis that lost writes, that is not the last event that was read.
    """
    if entry.kind != "snapshot":
        return None
    try:
        conflated = _jump_decoder.decode(entry.data).conflated
    except msgspec.DecodeError as error:
        log.error("a snapshot cannot be read", id=entry.id, error=str(error))
        return None
    return None if conflated is None else entry.place.seq - conflated - 1


def went_back(entry: Entry, last: Place) -> bool:
    """Whether `entry` goes on from an event before `last`: Redis has lost what lies between."""
    seq = counts_from(entry)
    return entry.place.seq <= last.seq or (seq is not None and seq < last.seq)


class _Jump(msgspec.Struct):
    conflated: int | None


_jump_decoder = msgspec.json.Decoder(_Jump)
