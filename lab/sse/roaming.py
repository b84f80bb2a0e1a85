"""Readers that join, leave and resume at random, and account for every seq.

A seed determines the replica of each visit, its length, whether it resumes, and whether the id is
sent as a header or a parameter. Every seq that is not an event must be counted by a snapshot or
reported as missed. This module is an independent witness: it shares no code with the product.
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

LATE_VISITS_IN = 6
"""One of so many visits comes after a long pause: the last event may no longer be stored."""
MAX_PAUSE = 0.1
MAX_LATE_PAUSE = 1.5
MAX_EVENTS = 120
MAX_SILENCE = 8.0
"""Seconds without a byte after which a reader leaves: an open stream is silent without Redis. A
stream that waits in vain for Redis ends after 5 s, and must not be left before."""


class Published:
    """The events that all readers have received, by position; every reader must get the same."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, int, int], str] = {}
        self._lock = threading.Lock()

    def take(self, event: dict[str, Any]) -> None:
        """Compare an event with the event that other readers received at its position."""
        if event["kind"] == "snapshot" and event["received_at"] is None:
            # A snapshot of the stored book has the position of an event, but is not that event.
            return
        position = (event["symbol"], event["epoch"], event["seq"])
        text = json.dumps(event)
        with self._lock:
            known = self._events.setdefault(position, text)
        require(known == text, f"another reader received {known[:500]}", event)


class RoamingAccount:
    """The account of every seq of a reader, from its first event to its last."""

    def __init__(self, symbol: str, published: Published) -> None:
        self.ladder = Ladder(symbol)
        self.last_id: str | None = None
        self._published = published
        self._lagged: dict[str, Any] | None = None

    def take(self, event_id: str | None, event: dict[str, Any]) -> str | None:
        """Check the next event.

        Returns:
            The explanation of the gap before it: `lagged` with its reason, `counted`,
            `new leader` or, in the same epoch, `uncounted`. None if there is no gap.

        """
        last = self.ladder.position
        self.ladder.take(event)
        if event["kind"] == "lagged":
            require(event_id is None, "a lagged with an id", event)
            self._lagged = event
            return None
        if event["seq"] is None:
            return None
        require(
            str(event_id).endswith(f"-{event['seq']}"), f"the id {event_id} has another seq", event
        )
        self._published.take(event)
        self.last_id = event_id
        lagged, self._lagged = self._lagged, None
        if last is None or (lagged is None and event["seq"] == last.seq + 1):
            return None
        if lagged is not None:
            if lagged["missed"] is not None:
                missed = event["seq"] - last.seq
                require(lagged["missed"] == missed, f"{missed} were missed, not {lagged}", event)
            return f"lagged {lagged['reason']}"
        # The ladder has checked that only a snapshot skips events, and that its count is right.
        if event["conflated"] is not None:
            return "counted"
        return "uncounted" if event["epoch"] == last.epoch else "new leader"


class RoamingReader(threading.Thread):
    """A thread that reads one symbol on random replicas until `stop`."""

    def __init__(self, urls: Sequence[str], symbol: str, seed: int, published: Published) -> None:
        super().__init__(name=f"reader {seed} of {symbol}", daemon=True)
        self.error: str | None = None
        """The error that ended the thread, or None."""
        self.met: Counter[str] = Counter()
        """Counts of `events`, of visits (`fresh`, `resumed`, `refused`, …) and of gaps by cause."""
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

    def begin_stop(self) -> None:
        """Let the thread end after the present stream, without waiting for it."""
        self._stopping.set()

    def stop(self) -> None:
        """End the thread after the present stream."""
        self.begin_stop()
        self.join(30)

    def run(self) -> None:
        """Open one stream after another."""
        try:
            while not self._stopping.is_set():
                self._visit()
                is_late = self._random.randrange(LATE_VISITS_IN) == 0
                max_pause = MAX_LATE_PAUSE if is_late else MAX_PAUSE
                self._stopping.wait(self._random.random() * max_pause)
        except Exception as error:  # noqa: BLE001 - reported in `error`
            self.error = f"{self.name}: {type(error).__name__}: {error}"

    def _visit(self) -> None:
        if self._random.randrange(10) == 0:
            self._account = RoamingAccount(self._symbol, self._published)
        resuming = self._account.last_id is not None
        try:
            with self._open() as stream:
                self._read(stream, self._random.randrange(1, MAX_EVENTS), resuming=resuming)
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
        return SseStream(self._random.choice(self._urls), path, headers, MAX_SILENCE)

    def _read(self, stream: SseStream, count: int, *, resuming: bool) -> None:
        gaps = Counter[str]()
        numbered = 0
        for event_id, event in stream.events():
            gap = self._account.take(event_id, event)
            if gap:
                gaps[gap] += 1
            if numbered == 0 and event["kind"] == "lagged":
                resuming = False
            if event.get("seq") is not None:
                numbered += 1
                if numbered == 1 and not resuming:
                    require(event["kind"] == "snapshot", "a stream opens without snapshot", event)
            if numbered >= count:
                break
        self.met.update(gaps)
        if not numbered:
            # The api waited in vain for Redis, and ended the stream.
            self.met["unserved"] += 1
            return
        self.met["resumed" if resuming else "fresh"] += 1
        self.met["events"] += numbered
