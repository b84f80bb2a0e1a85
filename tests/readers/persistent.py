"""Readers who follow a book through everything, as an `EventSource` does, and account for each seq.

They go on after the last event that they have, by its id, wherever the next connection leads. The
books and the order of events are checked by the ladder of `tests.e2e.follower`, which shares no
code with the services.
"""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, fields
from typing import Any, Self

from tests.e2e.follower import Ladder, SseStream, StreamRefusedError, stream_path
from tests.readers.trust import Trust

# As long as browsers wait, where a farewell says nothing else.
RETRY_SECONDS = 1.0
READ_LIMIT = 20.0


@dataclass
class Tally:
    """What readers met; tallies add up, and the difference of two is what came between."""

    events: int = 0
    """Events with a number, each once."""
    stood_for: int = 0
    """Numbers that a snapshot stands for and counts."""
    uncounted: int = 0
    """Numbers that a snapshot jumps over where nobody can know how many events they were."""
    missed: int = 0
    """Numbers that a reader was told to have missed."""
    farewells: int = 0
    """Streams that were ended with a word when to come back."""
    cuts: int = 0
    """Streams that broke, and connections that were refused."""
    refusals: int = 0
    """Requests for a stream that were answered otherwise."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(self._values(), other._values(), strict=True)))

    def _values(self) -> list[int]:
        return [getattr(self, field.name) for field in fields(self)]


class Account:
    """Where each number of a symbol's events went, from the first event to the last."""

    def __init__(self, symbol: str) -> None:
        self.ladder = Ladder(symbol)
        self.tally = Tally()
        self._lagged = False

    def take(self, event: dict[str, Any]) -> None:
        """Take the next event; raises BrokenPromiseError where the contract rules it out."""
        last = self.ladder.place
        self.ladder.take(event)
        if event["kind"] == "lagged":
            self._lagged = True
        elif event["seq"] is not None:
            self._number(event, None if last is None else last.seq)

    def _number(self, event: dict[str, Any], last_seq: int | None) -> None:
        if last_seq is not None:
            jumped = event["seq"] - last_seq - 1
            if self._lagged:
                self.tally.missed += jumped
            elif event.get("conflated") is not None:
                self.tally.stood_for += jumped
            else:
                self.tally.uncounted += jumped
        self.tally.events += 1
        self._lagged = False


class PersistentReader(threading.Thread):
    """Follows one symbol until it is told to stop; `error` is what should never be.

    `account` is of the numbered events, `trust` of whether the book may be believed.
    """

    def __init__(self, url: str, symbol: str) -> None:
        super().__init__(name=f"reader of {symbol}", daemon=True)
        self.account = Account(symbol)
        self.trust = Trust(time.monotonic())
        self.error: str | None = None
        self._url = url
        self._stopping = threading.Event()
        self._last_id: str | None = None
        self._last_event_at = time.monotonic()
        self._longest_wait = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join(READ_LIMIT + 5)

    def longest_wait(self) -> float:
        """The longest time without an event since this was asked last, in seconds."""
        now = time.monotonic()
        longest = max(self._longest_wait, now - self._last_event_at)
        self._longest_wait, self._last_event_at = 0.0, now
        return longest

    def run(self) -> None:
        """Read, and come back after every end of a stream."""
        try:
            while not self._stopping.is_set():
                self._stopping.wait(self._follow())
        except Exception as error:  # noqa: BLE001 - it is told, whatever it is
            self.error = f"{self.name}: {type(error).__name__}: {error}"

    def _follow(self) -> float:
        """Read one stream to its end; after how many seconds to come back."""
        tally = self.account.tally
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        symbol = self.account.ladder.symbol
        try:
            with SseStream(self._url, stream_path(symbol), headers, READ_LIMIT) as stream:
                return self._read(stream)
        except StreamRefusedError:
            tally.refusals += 1
        except (OSError, http.client.HTTPException):
            tally.cuts += 1
        return RETRY_SECONDS

    def _read(self, stream: SseStream) -> float:
        told = None
        self.trust.come_back()
        for message in stream.messages():
            if message.retry is not None:
                told = message.retry / 1000
            if message.data:
                self._take(message.id, message.event)
            if self._stopping.is_set():
                return 0.0
        if told is None:
            self.account.tally.cuts += 1
            return RETRY_SECONDS
        self.account.tally.farewells += 1
        return told

    def _take(self, event_id: str | None, event: dict[str, Any]) -> None:
        self.account.take(event)
        self._last_id = event_id or self._last_id
        now = time.monotonic()
        self.trust.take(event, now)
        self._longest_wait = max(self._longest_wait, now - self._last_event_at)
        self._last_event_at = now
