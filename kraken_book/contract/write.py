"""Calls of the script `write.lua`, which writes one symbol's new events and its book atomically."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from kraken_book.contract.book_hash import Values
from kraken_book.contract.keys import book_key, events_key
from kraken_book.event import Kind

__all__ = [
    "Argument",
    "Corrupt",
    "EventEntry",
    "EventRun",
    "Retention",
    "WriteCall",
    "WriteRefusal",
    "Written",
    "parse_corruption",
    "parse_refusal",
    "parse_reply",
    "renew_book",
    "touch_book",
    "write_events",
    "write_runs",
]

Argument = str | int | bytes


# A burst queues thousands of entries. They contain no references, so the garbage collector need
# not visit them.
class EventEntry(msgspec.Struct, frozen=True, gc=False):
    """One entry of the stream; `data` is the event's JSON."""

    kind: Kind
    seq: int
    data: bytes


class EventRun(msgspec.Struct, frozen=True):
    """Entries of one kind with consecutive seqs, as most updates are.

    Attributes:
        kind: The kind of all events.
        seq: The seq of the first.
        data: The JSON of each.
    """

    kind: Kind
    seq: int
    data: list[bytes]

    @property
    def last_seq(self) -> int:
        """The seq of the last event; there must be one."""
        return self.seq + len(self.data) - 1


class Retention(NamedTuple):
    """The part of a stream that is kept: entries of the last `milliseconds`, at most `maxlen`."""

    milliseconds: int
    maxlen: int


class WriteCall(NamedTuple):
    """One call of the script.

    If it is unknown whether Redis carried a call out, repeat it unchanged: the script skips the
    events that it has already written.
    """

    symbol: str
    epoch: int
    arguments: tuple[Argument, ...]
    """Number of keys, keys and arguments, as EVALSHA takes them after the digest."""
    entries: int
    """The number of events in the call."""
    last_seq: int = 0
    """The seq of the last event."""
    since: int = 0
    """The time of the oldest event by the caller's clock, for its metrics; not sent to Redis."""

    def event_data(self) -> Iterator[bytes]:
        """Yield the JSON of each event in the call."""
        at = _HEAD_LENGTH
        for _ in range(int(self.arguments[at - 1])):
            count = int(self.arguments[at + 2])
            at += 3
            for data in self.arguments[at : at + count]:
                assert isinstance(data, bytes)
                yield data
            at += count


class Written(NamedTuple):
    """The reply to a successful call: the stream's last seq and id, Redis's time in microseconds.

    `repaired` names the damaged keys that the script repaired: `hash`, `stream`.
    """

    seq: int
    redis_time: int
    last_id: str
    repaired: tuple[str, ...] = ()


class WriteRefusal(NamedTuple):
    """A refusal by the script: `FENCED` or `GAP`, and the position of the stream's last event."""

    word: str
    epoch: int
    seq: int


class Corrupt(NamedTuple):
    """A refusal by a script because `key` has another type.

    `wrong` continues a sentence about the key, such as `is no hash`.
    """

    key: str
    wrong: str


def write_events(
    symbol: str,
    epoch: int,
    confirmed_at: str,
    retention: Retention,
    entries: Sequence[EventEntry],
    values: Values,
    *,
    is_book: bool,
    since: int = 0,
) -> WriteCall:
    """Return the call that appends events and sets the hash.

    Args:
        symbol: The symbol.
        epoch: The writer's epoch.
        confirmed_at: When the book was last known to match the venue, RFC 3339.
        retention: The part of the stream to keep.
        entries: The events, in order.
        values: The hash's values: if `is_book`, the `book_values` of the book after the last event,
            else `status_values`.
        is_book: Whether `values` are those of a book.
        since: The time of the oldest event by the caller's clock, see `WriteCall`.
    """
    runs = _runs_of(entries)
    return write_runs(
        symbol, epoch, confirmed_at, retention, runs, values, is_book=is_book, since=since
    )


def write_runs(
    symbol: str,
    epoch: int,
    confirmed_at: str,
    retention: Retention,
    runs: Sequence[EventRun],
    values: Values,
    *,
    is_book: bool,
    since: int = 0,
) -> WriteCall:
    """Return the call that appends the events of `runs` and sets the hash; see `write_events`."""
    arguments = _head(symbol, epoch, confirmed_at, retention, len(runs))
    for run in runs:
        # In a run an event is one argument instead of three.
        arguments += (run.kind, run.seq, len(run.data), *run.data)
    arguments.append("book" if is_book else "status")
    arguments.extend(values)
    last_seq = runs[-1].last_seq if runs else 0
    events = sum(len(run.data) for run in runs)
    return WriteCall(symbol, epoch, tuple(arguments), events, last_seq, since)


def renew_book(
    symbol: str, epoch: int, confirmed_at: str, retention: Retention, seq: int, values: Values
) -> WriteCall:
    """Return the call that writes the book at `seq` to the hash, without events.

    The script refuses it unless the stream's last event is the one at `seq` of this epoch.
    """
    head = _head(symbol, epoch, confirmed_at, retention, 0)
    return WriteCall(symbol, epoch, (*head, "renew", seq, *values), 0)


def touch_book(
    symbol: str, epoch: int, confirmed_at: str, retention: Retention, seq: int
) -> WriteCall:
    """Return the call that only sets `confirmed_at` of the stored book, which must be at `seq`."""
    head = _head(symbol, epoch, confirmed_at, retention, 0)
    return WriteCall(symbol, epoch, (*head, "touch", seq), 0)


def _runs_of(entries: Iterable[EventEntry]) -> list[EventRun]:
    runs: list[EventRun] = []
    next_seq, last_kind = -1, None
    for entry in entries:
        if entry.seq != next_seq or entry.kind != last_kind:
            runs.append(EventRun(entry.kind, entry.seq, []))
        runs[-1].data.append(entry.data)
        next_seq, last_kind = entry.seq + 1, entry.kind
    return runs


# The arguments of `_head`, of which the last is the number of runs.
_HEAD_LENGTH = 8


def _head(
    symbol: str, epoch: int, confirmed_at: str, retention: Retention, runs: int
) -> list[Argument]:
    """Return the arguments with which every call begins."""
    return [
        # The number of keys.
        2,
        book_key(symbol),
        events_key(symbol),
        epoch,
        confirmed_at,
        retention.milliseconds,
        retention.maxlen,
        runs,
    ]


def parse_reply(reply: Sequence[Any]) -> Written:
    """Return the parsed reply to a successful call."""
    # The first value is 1 in every reply to a successful call.
    _, seq, redis_time, last_id, *repaired = reply
    return Written(seq, redis_time, last_id.decode(), tuple(name.decode() for name in repaired))


def parse_refusal(message: str) -> WriteRefusal | None:
    """Return the refusal in an error's message, None for any other error."""
    word, _, position = message.partition(" ")
    if word not in ("FENCED", "GAP"):
        return None
    epoch, seq = position.split()
    return WriteRefusal(word, int(epoch), int(seq))


def parse_corruption(message: str) -> Corrupt | None:
    """Return the corrupt key in an error's message, None for any other error."""
    word, _, rest = message.partition(" ")
    key, _, wrong = rest.partition(" ")
    return Corrupt(key, wrong) if word == "CORRUPT" else None
