"""A reader of many books on one stream, which checks each and can resume at another address.

This module is an independent witness: it shares no code with the product.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from http.client import HTTPException
from typing import Any

from lab.ladder import Ladder, LadderPosition
from lab.sse.stream import SseStream
from lab.waiting import wait_until


class ManyBooksReader:
    """A reader that follows a stream from a watermark, and drops repeated events."""

    def __init__(self, url: str, path: str, watermark: str | None = None) -> None:
        self.path = path
        self.watermark = watermark
        self.ladders: dict[str, Ladder] = {}
        self.repeats = 0
        self.lagged: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._url = url
        self._stream: SseStream | None = None
        self._error: BaseException | None = None
        self._connect()

    def _connect(self) -> None:
        headers = {"Last-Event-ID": self.watermark} if self.watermark else {}
        self._stream = SseStream(self._url, self.path, headers)
        self._thread = threading.Thread(target=self._read, args=(self._stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: SseStream) -> None:
        try:
            for event_id, event in stream.events():
                self.watermark = event_id or self.watermark
                self._take(event)
        except Exception as error:  # noqa: BLE001 - reported by `check`
            # `leave` closes the socket under the reading thread, and a killed service breaks it.
            if stream is self._stream and not isinstance(error, (OSError, HTTPException)):
                self._error = error

    def _take(self, event: dict[str, Any]) -> None:
        symbol = event["symbol"]
        ladder = self.ladders.setdefault(symbol, Ladder(symbol))
        if event["kind"] == "lagged":
            self.lagged[symbol].append(event)
        elif self._is_repeat(ladder, event):
            self.repeats += 1
            return
        ladder.take(event)

    def _is_repeat(self, ladder: Ladder, event: dict[str, Any]) -> bool:
        if event["seq"] is None or ladder.position is None or ladder.awaits_snapshot:
            return False
        return LadderPosition(event["epoch"], event["seq"]) <= ladder.position

    def move_to(self, url: str) -> None:
        """Close the stream, and resume at another address."""
        self.leave()
        self._url = url
        self._connect()

    def leave(self) -> None:
        """Close the stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.let_go()
            self._thread.join(10)
            stream.close()

    def check(self) -> None:
        """Fail if the reader has met an error.

        Raises:
            AssertionError: An event broke the contract, or the reader failed.

        """
        if self._error is not None:
            raise AssertionError(f"the reader of {self.path} failed") from self._error

    def wait_for_seq(self, symbol: str, seq: int) -> None:
        """Wait until a book reaches this seq."""

        def is_reached() -> bool:
            self.check()
            return symbol in self.ladders and self.ladders[symbol].seq >= seq

        wait_until(is_reached, f"{symbol} reaches {seq} on {self.path}")
