"""An event in a stream of Redis, and whether it follows another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec

from api.store.corrupt_keys import CorruptKeys
from kraken_book.contract.keys import events_key
from kraken_book.position import Position
from kraken_book.printable import printable_json
from runtime.logs import get_logger

log = get_logger(__name__)

StreamReply = list[tuple[bytes, dict[bytes, bytes]]]

KINDS = ("update", "snapshot", "status")

# How many entries one read of one stream brings; another follows at once if there are more.
MAX_ENTRIES = 1000


class StreamEntry(NamedTuple):
    """An event in a stream."""

    id: str
    kind: str
    position: Position
    data: bytes


def entries_in(symbol: str, reply: object, corrupt: CorruptKeys) -> list[StreamEntry]:
    """Return the events in a reply to XRANGE; note other entries as corrupt and skip them."""
    key = events_key(symbol)
    if isinstance(reply, Exception):
        corrupt.found(key, str(reply), "DEL", key)
        return []
    entries = []
    foreign = 0
    for event_id, fields in cast("StreamReply", reply):
        try:
            entries.append(_entry(symbol, event_id.decode(), fields))
        except (KeyError, ValueError, TypeError, msgspec.DecodeError, RecursionError) as error:
            foreign += 1
            if foreign == 1:
                shown = event_id.decode(errors="backslashreplace")
                corrupt.found(key, f"entry {shown}: {error!r}", "XDEL", key, shown)
    if entries and not foreign:
        corrupt.is_right(key)
    return entries


def _entry(symbol: str, event_id: str, fields: Mapping[bytes, bytes]) -> StreamEntry:
    """Return the event in an entry; raise if parts are missing or do not agree.

    What anything else writes into a stream reaches no reader: not a second SSE message after a
    line break, and not another symbol's book.
    """
    position = Position(int(fields[b"epoch"]), int(fields[b"seq"]))
    kind, data = fields[b"kind"].decode(), fields[b"data"]
    head = _head_decoder.decode(data)
    if head != _Head(symbol, kind, position.seq, position.epoch) or kind not in KINDS:
        raise ValueError("its data is of another event")
    if int(event_id.partition("-")[2]) != position.seq:
        raise ValueError("its id is not of its seq")
    if b"\n" in data or b"\r" in data:
        raise ValueError("its data is more than a line")
    return StreamEntry(event_id, kind, position, printable_json(data))


def id_order(event_id: str) -> tuple[int, int]:
    """Return the order of an entry's id: the milliseconds, then the number."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)


def follows(entry: StreamEntry, last: Position) -> bool:
    """Return whether there is no event between `last` and `entry` that a reader would miss."""
    if entry.position.seq <= last.seq:
        # A newer epoch whose numbers begin again does not follow anything.
        return False
    if entry.kind == "snapshot":
        return counts_from(entry) in (None, last.seq)
    if entry.position.epoch != last.epoch:
        return entry.kind == "status"
    return entry.position.seq == last.seq + 1


def unbroken(entries: list[StreamEntry]) -> list[StreamEntry]:
    """Return the last of `entries` that follow on each other."""
    begin = 0
    for index in range(1, len(entries)):
        if not follows(entries[index], entries[index - 1].position):
            begin = index
    return entries[begin:]


def counts_from(entry: StreamEntry) -> int | None:
    """Return the seq after which a snapshot counts the events that it replaces; None if unknown.

    After a failover of Redis that lost writes, that is not the last event that was read.
    """
    if entry.kind != "snapshot":
        return None
    try:
        conflated = _jump_decoder.decode(entry.data).conflated
    except msgspec.DecodeError as error:
        log.error("a snapshot cannot be read", id=entry.id, error=str(error))
        return None
    return None if conflated is None else entry.position.seq - conflated - 1


def went_back(entry: StreamEntry, last: Position) -> bool:
    """Return whether `entry` follows an event before `last`, so Redis has lost events."""
    seq = counts_from(entry)
    return entry.position.seq <= last.seq or (seq is not None and seq < last.seq)


class _Head(msgspec.Struct):
    """The members that every event has; of the others only the JSON is checked."""

    symbol: str
    kind: str
    seq: int
    epoch: int


_head_decoder = msgspec.json.Decoder(_Head)


class _Jump(msgspec.Struct):
    conflated: int | None


_jump_decoder = msgspec.json.Decoder(_Jump)
