"""An event as it lies in a stream of Redis, and whether it goes on from another."""

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

# One read of one stream; what is more follows at once.
MOST_ENTRIES = 1000


class Entry(NamedTuple):
    """An event as it lies in a stream."""

    id: str
    kind: str
    position: Position
    data: bytes


def entries_in(symbol: str, reply: object, corrupt: CorruptKeys) -> list[Entry]:
    """Return the events in an XRANGE's reply; what is none is noted as corrupt and passed over."""
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


def _entry(symbol: str, event_id: str, fields: Mapping[bytes, bytes]) -> Entry:
    """Return the event in an entry; raises if its parts are none or do not agree.

    Whatever else writes to our streams gets into no reader's: not a second SSE message after a
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
    return Entry(event_id, kind, position, printable_json(data))


def id_order(event_id: str) -> tuple[int, int]:
    """What entries' ids are ordered by: the milliseconds, then the number."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number or 0)


def follows(entry: Entry, last: Position) -> bool:
    """Whether nothing lies between `last` and `entry` that a reader would miss."""
    if entry.position.seq <= last.seq:
        # A newer epoch whose numbers begin again knows nothing of what was before.
        return False
    if entry.kind == "snapshot":
        return counts_from(entry) in (None, last.seq)
    if entry.position.epoch != last.epoch:
        return entry.kind == "status"
    return entry.position.seq == last.seq + 1


def unbroken(entries: list[Entry]) -> list[Entry]:
    """The last of `entries` that follow on each other."""
    begin = 0
    for index in range(1, len(entries)):
        if not follows(entries[index], entries[index - 1].position):
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
    return None if conflated is None else entry.position.seq - conflated - 1


def went_back(entry: Entry, last: Position) -> bool:
    """Whether `entry` goes on from an event before `last`: Redis has lost what lies between."""
    seq = counts_from(entry)
    return entry.position.seq <= last.seq or (seq is not None and seq < last.seq)


class _Head(msgspec.Struct):
    """Members that every event has; the others are only checked to be JSON."""

    symbol: str
    kind: str
    seq: int
    epoch: int


_head_decoder = msgspec.json.Decoder(_Head)


class _Jump(msgspec.Struct):
    conflated: int | None


_jump_decoder = msgspec.json.Decoder(_Jump)
