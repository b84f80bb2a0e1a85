"""Parse the entries of streams, and decide whether one event directly follows another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec

from api.store.corrupt_keys import CorruptKeys
from kraken_book.contract.keys import events_key
from kraken_book.json_errors import JSON_ERRORS
from kraken_book.position import Position
from kraken_book.printable import printable_json
from runtime.logs import get_logger

log = get_logger(__name__)

StreamReply = list[tuple[bytes, dict[bytes, bytes]]]

KINDS = ("update", "snapshot", "status")

# Entries of one stream that one read returns; if there are more, another read follows at once.
MAX_ENTRIES = 1000


class StreamEntry(NamedTuple):
    """An event in a stream."""

    id: str
    kind: str
    position: Position
    data: bytes


def entries_in(symbol: str, reply: object, corrupt: CorruptKeys) -> list[StreamEntry]:
    """Return the events in a reply to XRANGE; skip and record corrupt entries."""
    key = events_key(symbol)
    if isinstance(reply, Exception):
        corrupt.record(key, str(reply), "DEL", key)
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
                corrupt.record(key, f"entry {shown}: {error!r}", "XDEL", key, shown)
    if entries and not foreign:
        corrupt.clear(key)
    return entries


def _entry(symbol: str, event_id: str, fields: Mapping[bytes, bytes]) -> StreamEntry:
    """Return the event in an entry.

    The checks keep foreign data from readers: another symbol's book, or a second SSE message
    after a line break. KeyError, TypeError, RecursionError or msgspec.DecodeError is raised for
    malformed fields.

    Raises:
        ValueError: The fields, the id and the JSON do not agree.
    """
    position = Position(int(fields[b"epoch"]), int(fields[b"seq"]))
    kind, data = fields[b"kind"].decode(), fields[b"data"]
    head = _head_decoder.decode(data)
    if head != _Head(symbol, kind, position.seq, position.epoch) or kind not in KINDS:
        raise ValueError("data belongs to another event")
    if int(event_id.partition("-")[2]) != position.seq:
        raise ValueError("id does not end in seq")
    if b"\n" in data or b"\r" in data:
        raise ValueError("data has a line break")
    return StreamEntry(event_id, kind, position, printable_json(data))


def id_order(event_id: str) -> tuple[int, int]:
    """Return an entry's id as a sort key: milliseconds and number."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)


def follows(entry: StreamEntry, last: Position) -> bool:
    """Return whether no event is missing between `last` and `entry`."""
    if entry.position.seq <= last.seq:
        # A newer epoch may restart seq after Redis lost its data.
        return False
    if entry.kind == "snapshot":
        return counts_from(entry) in (None, last.seq)
    if entry.position.epoch != last.epoch:
        return entry.kind == "status"
    return entry.position.seq == last.seq + 1


def unbroken(entries: list[StreamEntry]) -> list[StreamEntry]:
    """Return the longest end of `entries` without a gap."""
    begin = 0
    for index in range(1, len(entries)):
        if not follows(entries[index], entries[index - 1].position):
            begin = index
    return entries[begin:]


def counts_from(entry: StreamEntry) -> int | None:
    """Return the seq of the last event before those that a snapshot replaces; None if unknown.

    After a failover of Redis that lost writes, this is not the last event that was read.
    """
    if entry.kind != "snapshot":
        return None
    try:
        conflated = _jump_decoder.decode(entry.data).conflated
    except JSON_ERRORS as error:
        log.error("snapshot invalid", id=entry.id, error=str(error))
        return None
    return None if conflated is None else entry.position.seq - conflated - 1


def went_back(entry: StreamEntry, last: Position) -> bool:
    """Return whether `entry` continues before `last`, which means that Redis lost events."""
    seq = counts_from(entry)
    return entry.position.seq <= last.seq or (seq is not None and seq < last.seq)


class _Head(msgspec.Struct):
    """The members that every event has; the other members need only be valid JSON."""

    symbol: str
    kind: str
    seq: int
    epoch: int


_head_decoder = msgspec.json.Decoder(_Head)


class _Jump(msgspec.Struct):
    conflated: int | None


_jump_decoder = msgspec.json.Decoder(_Jump)
