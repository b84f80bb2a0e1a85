"""A reader of one stream that checks and keeps every event, beside a test that waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lab.ladder import Ladder
from lab.sse.stream import SseStream
from lab.waiting import wait_for


class StreamWatch:
    """Reads one stream in a thread, and checks and keeps every event."""

    def __init__(self, stream: SseStream, symbol: str) -> None:
        self.ladder = Ladder(symbol)
        self.events: list[dict[str, Any]] = []
        self.ids: list[str | None] = []
        self.farewell: int | None = None
        self.ended = threading.Event()
        self._stream = stream
        self._error: BaseException | None = None
        self._left = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while (message := self._stream.next()) is not None:
                if message.retry is not None:
                    self.farewell = message.retry
                if message.data:
                    event = message.event
                    self.ladder.take(event)
                    self.ids.append(message.id)
                    self.events.append(event)
        except Exception as error:  # noqa: BLE001 - told by `check`, whatever it is
            if not self._left:
                self._error = error
        finally:
            self.ended.set()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise AssertionError(f"the stream of {self.ladder}") from self._error

    def wait_for(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Return the first of all events for which `holds` is true."""
        seen = 0

        def found() -> dict[str, Any] | None:
            nonlocal seen
            self.check()
            while seen < len(self.events):
                seen += 1
                if holds(self.events[seen - 1]):
                    return self.events[seen - 1]
            return None

        return wait_for(found, f"{self.ladder} gets {what}")

    def wait_for_seq(self, seq: int) -> None:
        """Return when the stream has come to this seq."""
        self.wait_for(lambda event: (event.get("seq") or 0) >= seq, f"seq {seq}")

    def leave(self) -> None:
        """Leave the stream, as a client that ends does."""
        self._left = True
        self._stream.let_go()
        self._thread.join()
        self._stream.close()
