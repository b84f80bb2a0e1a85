"""A reader of one stream that checks and keeps every event, for a test that waits for events.

This module is an independent witness: it shares no code with the product.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lab.ladder import Ladder
from lab.sse.stream import SseStream
from lab.waiting import wait_for


class StreamWatch:
    """A reader of one stream in a thread.

    Attributes:
        ladder: The checked book.
        events: All events, in order.
        ids: The id of each event.
        farewell: The milliseconds of the last `retry:`, or None.
        ended: Set when the stream has ended.

    """

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
        except Exception as error:  # noqa: BLE001 - reported by `check`
            if not self._left:
                self._error = error
        finally:
            self.ended.set()

    def check(self) -> None:
        """Fail if the reader has met an error.

        Raises:
            AssertionError: An event broke the contract, or the stream broke.

        """
        if self._error is not None:
            raise AssertionError(f"the reader of {self.ladder} failed") from self._error

    def wait_for(self, holds: Callable[[dict[str, Any]], bool], name: str) -> dict[str, Any]:
        """Wait for an event for which `holds` is true; return the first one."""
        seen = 0

        def found() -> dict[str, Any] | None:
            nonlocal seen
            self.check()
            while seen < len(self.events):
                seen += 1
                if holds(self.events[seen - 1]):
                    return self.events[seen - 1]
            return None

        return wait_for(found, f"the stream of {self.ladder} has {name}")

    def wait_for_seq(self, seq: int) -> None:
        """Wait until the stream reaches this seq."""
        self.wait_for(lambda event: (event.get("seq") or 0) >= seq, f"seq {seq}")

    def leave(self) -> None:
        """Close the stream, as a client does when it ends."""
        self._left = True
        self._stream.let_go()
        self._thread.join()
        self._stream.close()
