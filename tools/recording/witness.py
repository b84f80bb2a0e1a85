"""A reader of all books that remembers each event, to compare it with the recorded ones."""

from __future__ import annotations

import http.client
from typing import Any

from lab.sse.stream import SseStream, StreamRefusedError
from tools.background import BackgroundThread
from tools.recording.files import Content, units

_PAUSE = 0.3
# The api sends a comment each 15 s.
_SILENCE_LIMIT = 20.0

Place = tuple[str, int, int]
"""Symbol, epoch and seq."""


class Witness(BackgroundThread):
    """A thread that reads `/stream?symbols=*`, and resumes by its last id.

    Snapshots that the api makes to open a stream are no events, and are left out.

    Args:
        url: The api.

    Attributes:
        seen: Each numbered event that the api sent.
        broken: Broken promises.
        stopped: The symbols whose last numbered event is the status of a stopped collector.

    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.seen: dict[Place, Content] = {}
        self.broken: list[str] = []
        self.stopped: set[str] = set()
        self._url = url
        self._last_id: str | None = None

    def run(self) -> None:
        """Read one stream after another until the context ends."""
        while not self.stopping.is_set():
            try:
                self._read_stream()
            except StreamRefusedError as refused:
                if refused.status == 400:
                    self._last_id = None
            except (OSError, http.client.HTTPException):
                pass
            self.stopping.wait(_PAUSE)

    def _read_stream(self) -> None:
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        with SseStream(self._url, "/stream?symbols=*", headers, _SILENCE_LIMIT) as stream:
            for event_id, event in stream.events():
                if self.stopping.is_set():
                    return
                self._last_id = event_id or self._last_id
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        symbol = event["symbol"]
        if event.get("seq") is None:
            return
        if event["kind"] == "snapshot" and event["received_at"] is None:
            return
        is_stop = event["kind"] == "status" and event["reason"] == "stopped"
        (self.stopped.add if is_stop else self.stopped.discard)(symbol)
        place = symbol, event["epoch"], event["seq"]
        content = _content_of(event)
        if not content.leads_to_same_book(self.seen.setdefault(place, content)):
            self.broken.append(f"the api sent two different events {place}")


def _content_of(event: dict[str, Any]) -> Content:
    bids, asks = (
        tuple((units(price), units(qty)) for price, qty in event.get(side) or ())
        for side in ("bids", "asks")
    )
    return Content(event["kind"], event.get("checksum"), bids, asks)
