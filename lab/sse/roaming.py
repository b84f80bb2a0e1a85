"""Readers that join, leave and resume at random, and account for every number.

A seed decides which replica they read, for how long, whether they resume, and by header or
parameter. Every number that is no event must be counted by a snapshot or reported as missed.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from lab.ladder import Ladder, require
from lab.sse.stream import SseStream, StreamRefusedError, stream_path

# One in so many comes back so late that its last event may be gone.
LATE = 6
LATE_SECONDS = 1.5
MOST_EVENTS = 120


class Published:
    """Every event that any reader was sent, by its place; all readers must have the same."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, int, int], str] = {}
        self._lock = threading.Lock()

    def take(self, event: dict[str, Any]) -> None:
        """Compare an event with what other readers were sent."""
        if event["kind"] == "snapshot" and event["received_at"] is None:
            # A book from the hash stands at an event's place, and is not the event.
            return
        place = (event["symbol"], event["epoch"], event["seq"])
        with self._lock:
            known = self._events.setdefault(place, json.dumps(event))
        require(known == json.dumps(event), f"another reader was sent {known[:500]}", event)


class RoamingAccount:
    """The account of a reader's numbers, from its first event to its last."""

    def __init__(self, symbol: str, published: Published) -> None:
        self.ladder = Ladder(symbol)
        self.last_id: str | None = None
        self._published = published
        self._lagged: dict[str, Any] | None = None

    def take(self, event_id: str | None, event: dict[str, Any]) -> str | None:
        """Take the next event; return how the numbers that it jumped over are covered, if any."""
        last = self.ladder.place
        self.ladder.take(event)
        if event["kind"] == "lagged":
            require(event_id is None, "an id of what is no event", event)
            self._lagged = event
            return None
        if event["seq"] is None:
            return None
        require(str(event_id).endswith(f"-{event['seq']}"), f"the id {event_id}", event)
        self._published.take(event)
        self.last_id = event_id
        lagged, self._lagged = self._lagged, None
        if last is None or (lagged is None and event["seq"] == last.seq + 1):
            return None
        if lagged is not None:
            if lagged["missed"] is not None:
                require(lagged["missed"] == event["seq"] - last.seq, f"after {lagged}", event)
            return f"lagged {lagged['reason']}"
        # That a snapshot counts rightly, and that only one may jump, the ladder has seen to.
        return "uncounted" if event["conflated"] is None else "counted"


class RoamingReader(threading.Thread):
    """Reads one symbol on random replicas until `stop`; `error` is what went wrong."""

    def __init__(self, urls: Sequence[str], symbol: str, seed: int, published: Published) -> None:
        super().__init__(name=f"reader {seed} of {symbol}", daemon=True)
        self.error: str | None = None
        self.met: Counter[str] = Counter()
        """Counts of what happened: `fresh`, `resumed`, `unserved`, `broken`, `lagged …`, …"""
        self._urls = urls
        self._symbol = symbol
        self._random = random.Random(seed)
        self._published = published
        self._account = RoamingAccount(symbol, published)
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End after the present stream."""
        self._stopping.set()
        self.join(30)

    def run(self) -> None:
        """Open one stream after another."""
        try:
            while not self._stopping.is_set():
                self._visit()
                late = self._random.randrange(LATE) == 0
                self._stopping.wait(self._random.random() * (LATE_SECONDS if late else 0.1))
        except Exception as error:  # noqa: BLE001 - it is told, whatever it is
            self.error = f"{self.name}: {type(error).__name__}: {error}"

    def _visit(self) -> None:
        if self._random.randrange(10) == 0:
            self._account = RoamingAccount(self._symbol, self._published)
        resuming = self._account.last_id is not None
        try:
            with self._open() as stream:
                self._read(stream, self._random.randrange(1, MOST_EVENTS), resuming=resuming)
        except StreamRefusedError as refused:
            if refused.status not in (404, 503):
                raise
            self.met["refused"] += 1
        except (OSError, http.client.HTTPException):
            self.met["broken"] += 1

    def _open(self) -> SseStream:
        path, headers = stream_path(self._symbol), {}
        if self._account.last_id is not None and self._random.randrange(2):
            path += f"?last_event_id={self._account.last_id}"
        elif self._account.last_id is not None:
            headers = {"Last-Event-ID": self._account.last_id}
        return SseStream(self._random.choice(self._urls), path, headers)

    def _read(self, stream: SseStream, count: int, *, resuming: bool) -> None:
        told = Counter[str]()
        numbered = 0
        for event_id, event in stream.events():
            went = self._account.take(event_id, event)
            if went:
                told[went] += 1
            if numbered == 0 and event["kind"] == "lagged":
                resuming = False
            if event.get("seq") is not None:
                numbered += 1
                if numbered == 1 and not resuming:
                    require(event["kind"] == "snapshot", "a stream opens with no snapshot", event)
            if numbered >= count:
                break
        self.met.update(told)
        if not numbered:
            # The api waited for Redis, and ended the stream.
            self.met["unserved"] += 1
            return
        self.met["resumed" if resuming else "fresh"] += 1
        self.met["events"] += numbered
