"""The limit: the write script with prepared calls from a bare loop."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import hiredis

from bench.suite import MeasureFailed
from bench.suites.ingest.collector import Stored
from bench.suites.ingest.run import LIMIT_SECONDS, Run
from kraken_book.contract.script import WRITE
from kraken_book.contract.write import EventEntry, Retention, WriteCall, write_events

_PLACE_FIELDS = (b"stream_epoch", b"stream_seq", b"stream_id", b"epoch", b"seq", b"event_id")
_SCRIPT_SETS = (*_PLACE_FIELDS, b"confirmed_at")
# The bytes of one write to the socket.
_WRITE_BYTES = 2**18


def calls_of(stored: Mapping[str, Stored], events: int) -> list[WriteCall]:
    """Return the kept events of a collector as calls, by the time of their last events."""
    dated = [each for symbol, its in stored.items() for each in _dated(symbol, its, events)]
    return [call for _, call in sorted(dated, key=lambda each: each[0])]


def _dated(symbol: str, stored: Stored, events: int) -> Iterator[tuple[int, WriteCall]]:
    fields: list[str | int] = [
        text.decode()
        for text in chain.from_iterable(
            pair for pair in stored.book.items() if pair[0] not in _SCRIPT_SETS
        )
    ]
    # The script sets the status with the first call.
    at = fields.index("status")
    fields = [*fields[at : at + 2], *fields[:at], *fields[at + 2 :]]
    epoch, confirmed_at = int(stored.book[b"epoch"]), stored.book[b"confirmed_at"].decode()
    retention = Retention(3_600_000, 10_000_000)
    for first in range(0, len(stored.entries), events):
        part = stored.entries[first : first + events]
        entries = [_event_of(each) for _, each in part]
        call = write_events(symbol, epoch, confirmed_at, retention, entries, fields, is_book=True)
        yield int(part[-1][0].partition(b"-")[0]), call


def _event_of(fields: Sequence[bytes]) -> EventEntry:
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    return EventEntry(named[b"kind"].decode(), int(named[b"seq"]), named[b"data"])  # type: ignore[arg-type]  # a literal


def run_limit(port: int, calls: list[WriteCall]) -> Run:
    """Send all calls to an empty Redis without waiting for replies.

    Returns:
        The figures of the run. A call that Redis refuses raises MeasureFailed.

    """
    packed = b"".join(_pack("EVALSHA", WRITE.sha, *call.arguments) for call in calls)
    with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as connection:
        _ask(connection, _pack("FLUSHALL"), 1)
        _ask(connection, _pack("SCRIPT", "LOAD", WRITE.text), 1)
        begun = time.monotonic()
        _ask(connection, packed, len(calls))
        return Run(sum(call.entries for call in calls), time.monotonic() - begun)


def _ask(connection: socket.socket, commands: bytes, replies: int) -> None:
    # Redis keeps the replies, which are small, until they are read, so nothing blocks.
    view = memoryview(commands)
    for first in range(0, len(view), _WRITE_BYTES):
        connection.sendall(view[first : first + _WRITE_BYTES])
    reader = hiredis.Reader()
    while replies:
        reader.feed(connection.recv(2**16))
        while (reply := reader.gets()) is not False:
            if isinstance(reply, Exception):
                raise MeasureFailed(f"Redis refused a prepared call: {reply}")
            replies -= 1


def _pack(*command: str | int | bytes) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub says one argument
    return packed
