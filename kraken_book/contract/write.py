"""Calls of the write script: one symbol's new events and its book, in one step or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from kraken_book.contract.book_hash import Values
from kraken_book.contract.keys import book_key, events_key
from kraken_book.event import Kind

Argument = str | int | bytes


# Thousands wait in a burst, and refer to nothing that could refer back.
class EventEntry(msgspec.Struct, frozen=True, gc=False):
    """One event as it will be in the stream; `data` is the JSON that readers get."""

    kind: Kind
    seq: int
    data: bytes


class Retention(NamedTuple):
    """How much of a stream is kept: entries of the last `milliseconds`, at most `maxlen`."""

    milliseconds: int
    maxlen: int


class WriteCall(NamedTuple):
    """One call, built once: only the same call, to the letter, can be repeated safely."""

    symbol: str
    epoch: int
    arguments: tuple[Argument, ...]
    """Number of keys, keys and arguments, as EVALSHA takes them after the digest."""
    entries: int
    """How many events it carries."""
    last_seq: int = 0
    """The seq of the last of them."""
    since: int = 0
    """When the oldest of them began, on a clock of the caller's own; Redis is not told."""


class Written(NamedTuple):
    """Reply to a write that was done: the stream's position, and Redis's clock in microseconds.

    `repaired` names what could not be and was set right: `hash`, `stream`.
    """

    seq: int
    redis_time: int
    repaired: tuple[str, ...] = ()


class WriteRefusal(NamedTuple):
    """The script's refusal, `FENCED` or `GAP`, with the position of the stream's last event."""

    word: str
    epoch: int
    seq: int


class Corrupt(NamedTuple):
    """A script's refusal because `key` holds another type; `wrong` says so: `is no hash`."""

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
        retention: How much of the stream is kept.
        entries: The events, in order. A book must stand at the last of them.
        values: The hash's values: `book_values` if `is_book`, else `status_values`.
        is_book: Whether `values` are those of a book.
        since: When the oldest entry began, for the caller.
    """
    runs, arguments = _runs(entries)
    arguments = [*_head(symbol, epoch, confirmed_at, retention, runs), *arguments]
    arguments.append("book" if is_book else "status")
    arguments.extend(values)
    last_seq = entries[-1].seq if entries else 0
    return WriteCall(symbol, epoch, tuple(arguments), len(entries), last_seq, since)


def renew_book(
    symbol: str, epoch: int, confirmed_at: str, retention: Retention, seq: int, values: Values
) -> WriteCall:
    """Return the call that sets the book at `seq`, whose events are in the stream already.

    The script sets it only while no newer book is there.
    """
    head = _head(symbol, epoch, confirmed_at, retention, 0)
    return WriteCall(symbol, epoch, (*head, "renew", seq, *values), 0)


def touch_book(
    symbol: str, epoch: int, confirmed_at: str, retention: Retention, seq: int
) -> WriteCall:
    """Return the call that confirms the stored book at `seq` as of `confirmed_at`."""
    head = _head(symbol, epoch, confirmed_at, retention, 0)
    return WriteCall(symbol, epoch, (*head, "touch", seq), 0)


def _runs(entries: Iterable[EventEntry]) -> tuple[int, list[Argument]]:
    """Return the number of runs, and of each its kind, first seq, length and its events' data.

    Most events are updates, one seq after the other. In a run each is one argument instead of
    three, which is quicker to pack.
    """
    runs: list[tuple[Kind, int, list[bytes]]] = []
    next_seq, last_kind = -1, None
    for entry in entries:
        if entry.seq != next_seq or entry.kind != last_kind:
            runs.append((entry.kind, entry.seq, together := []))
        together.append(entry.data)
        next_seq, last_kind = entry.seq + 1, entry.kind
    arguments: list[Argument] = []
    for kind, seq, together in runs:
        arguments += (kind, seq, len(together), *together)
    return len(runs), arguments


def _head(
    symbol: str, epoch: int, confirmed_at: str, retention: Retention, runs: int
) -> list[Argument]:
    return [
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
    """Return what the script replied to a call that it carried out."""
    _, seq, redis_time, *repaired = reply
    return Written(seq, redis_time, tuple(name.decode() for name in repaired))


def parse_refusal(message: str) -> WriteRefusal | None:
    """Return the refusal in an error's message, None if the error is another."""
    word, _, place = message.partition(" ")
    if word not in ("FENCED", "GAP"):
        return None
    epoch, seq = place.split()
    return WriteRefusal(word, int(epoch), int(seq))


def parse_corruption(message: str) -> Corrupt | None:
    """Return what an error's message says of a corrupt key, None if the error is another."""
    word, _, rest = message.partition(" ")
    key, _, wrong = rest.partition(" ")
    return Corrupt(key, wrong) if word == "CORRUPT" else None
