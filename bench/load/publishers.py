"""Publish prepared events at a given rate, and record the time of each."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import Protocol

import hiredis

from bench.load.market_events import SYMBOL, MarketEvent, MarketEvents, stamped
from kraken_book.contract.book_hash import Values
from kraken_book.contract.keys import SYMBOLS, WAKE, WAKE_MAXLEN
from kraken_book.contract.script import WRITE
from kraken_book.contract.symbol_state import SymbolState, encode_symbol_state
from kraken_book.contract.write import EventEntry, Retention, write_events
from kraken_book.timestamps import rfc3339

RETENTION = Retention(300_000, 20_000)
# If a server takes nothing for this time, the events that it took until then count.
STUCK_SECONDS = 20.0
# A bound for the batches of a server that is slower than the rate.
MAX_AT_ONCE = 50


def packed(*command: str | int | bytes) -> bytes:
    """Return a command in Redis's protocol."""
    made: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub says one
    return made


_WAKE = packed("XADD", WAKE, "MAXLEN", "~", WAKE_MAXLEN, "*", "s", SYMBOL)


class EventPublisher(Protocol):
    """Publishes events to a server."""

    def publish(self, events: Sequence[MarketEvent]) -> None:
        """Return when the server has taken the events; raise OSError if it does not."""


def publish_at(
    publisher: EventPublisher, events: Sequence[MarketEvent], rate: float, seconds: float
) -> array[float]:
    """Publish events at a rate for `seconds`.

    Events that are due while the server takes others go out together, as in a collector's flush.

    Returns:
        The time at which each event was sent, by time.monotonic.

    """
    left: array[float] = array("d")
    begun = monotonic()
    while len(left) < len(events) and (now := monotonic()) < begun + seconds:
        due = min(len(events), len(left) + MAX_AT_ONCE, int((now - begun) * rate) + 1)
        if due > len(left):
            going = events[len(left) : due]
            left.extend([monotonic()] * len(going))
            publisher.publish(going)
        else:
            sleep(max(0.0, begun + len(left) / rate - now))
    return left


class RedisPublisher:
    """Writes as the collector does: with the script, and one wake for each flush."""

    def __init__(self, socket_path: Path, epoch: int) -> None:
        self._epoch = epoch
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(STUCK_SECONDS)
        self._socket.connect(str(socket_path))
        self._replies = hiredis.Reader()
        self._call([packed("SCRIPT", "LOAD", WRITE.text)])

    def begin(self, events: MarketEvents) -> None:
        """Announce the book and write its snapshot."""
        state = SymbolState("live", None, "simulated", "0/1", 10, 1, 8)
        self._call([packed("HSET", SYMBOLS, SYMBOL, encode_symbol_state(state))])
        self._write([EventEntry("snapshot", 1, events.snapshot)], events.values)

    def publish(self, events: Sequence[MarketEvent]) -> None:
        """Write these updates, and the book after the last of them."""
        entries = [EventEntry("update", event.seq, stamped(event)) for event in events]
        self._write(entries, events[-1].values)

    def _write(self, entries: list[EventEntry], values: Values) -> None:
        now = rfc3339(time_ns())
        call = write_events(SYMBOL, self._epoch, now, RETENTION, entries, values, is_book=True)
        self._call([packed("EVALSHA", WRITE.sha, *call.arguments), _WAKE])

    def _call(self, commands: Sequence[bytes]) -> None:
        self._socket.sendall(b"".join(commands))
        for _ in commands:
            while (reply := self._replies.gets()) is False:
                self._replies.feed(self._socket.recv(65536))
            if isinstance(reply, Exception):
                raise reply

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
