"""What a reader is told of its book besides the book itself: whether it may be believed."""

from __future__ import annotations

from typing import Any, NamedTuple

LIVE = "live"


class Word(NamedTuple):
    """From `at` on, in seconds of the caller's clock, the book is `live` or doubted for this."""

    at: float
    text: str


class Trust:
    """Follows the words of one book's stream; `words` are the changes that they made, in order.

    A book is live while neither the collector (`syncing`) nor the api (`stale`, `lagged`) says
    otherwise; before the first one it is not.
    """

    def __init__(self, now: float) -> None:
        self.words = [Word(now, "no book yet")]
        self._collectors: str | None = "no book yet"
        self._apis: str | None = None

    @property
    def live(self) -> bool:
        """Whether the reader may believe its book."""
        return self._collectors is None and self._apis is None

    def come_back(self) -> None:
        """The stream is another one, and may lead to another api."""
        self._apis = None

    def take(self, event: dict[str, Any], now: float) -> None:
        """Take the next event."""
        kind = event["kind"]
        if kind == "lagged":
            self._collectors = f"lagged: {event['reason']}"
        elif kind == "snapshot":
            self._collectors = None
        elif kind == "status" and event["seq"] is None:
            self._apis = None if event["status"] == LIVE else _text(event)
        elif kind == "status":
            self._collectors = None if event["status"] == LIVE else _text(event)
        text = self._collectors or self._apis or LIVE
        if text != self.words[-1].text:
            self.words.append(Word(now, text))


def _text(event: dict[str, Any]) -> str:
    """What to call a doubt: `stale` says why by itself."""
    if event["status"] == "stale" or not event["reason"]:
        return str(event["status"])
    return f"{event['status']}: {event['reason']}"
