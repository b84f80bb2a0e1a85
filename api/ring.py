"""The last events of one symbol, framed as SSE once, for every reader of it.

A reader is a place in the ring: it costs an integer, and what it has not been sent is joined into
one write. Readers at the same place share that write's bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from kraken_book.event import LaggedReason

# About 2 MB a symbol at depth 10, and a minute and more of the busiest book.
MOST_EVENTS = 4096
WRITE_BYTES = 64 * 1024
# Most readers stand at the end: few writes are worth keeping for who comes to the same place.
MOST_JOINED = 16


class Place(NamedTuple):
    """Where an event stands among a symbol's events: they are ordered by epoch, then seq."""

    epoch: int
    seq: int


class Frame(NamedTuple):
    """An event as it goes to readers; an api's own event has the place and id of the one before."""

    place: Place
    id: str
    sse: bytes


def sse_frame(event_id: str, data: bytes) -> bytes:
    """A numbered event as SSE: `id` and `data`, so that a plain `onmessage` gets it."""
    return b"id: %b\ndata: %b\n\n" % (event_id.encode(), data)


def sse_unnumbered(data: bytes) -> bytes:
    """An event of the api's own; the reader's last id stays what it was."""
    return b"data: %b\n\n" % data


class Ring:
    """A symbol's events after a start that never moves back; indexes only grow."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.readers = 0
        self.stale = False
        """Whether readers have been told that the book is too old."""
        self.told_at = 0
        """The index of the newest word about that."""
        self.joining = 0
        """How many of the readers wait for a book to join at."""
        # Readers below this index fell off because of a restart.
        self._restarted_at = 0
        self._restarted_for: LaggedReason = "slow"
        self.confirmed = 0.0
        """When the book was last known to match Kraken, in steady seconds here."""
        self._frames: list[Frame] = []
        self._first = 0
        self._before = Frame(Place(0, 0), "0-0", b"")
        self._started = False
        self._joined: dict[int, tuple[bytes, int]] = {}
        self._wakers: set[Callable[[], None]] = set()

    @property
    def started(self) -> bool:
        """Whether it is known where the ring begins."""
        return self._started

    @property
    def last(self) -> Frame:
        """The newest event, or the one before the first."""
        return self._frames[-1] if self._frames else self._before

    @property
    def end(self) -> int:
        """The index that the next event will have."""
        return self._first + len(self._frames)

    def start(self, place: Place, event_id: str) -> None:
        """Begin right after the event at `place`; once, unless it is restarted."""
        assert not self._started, f"the ring of {self.symbol} is started already"
        self._before = Frame(place, event_id, b"")
        self._started = True

    def restart(self, reason: LaggedReason) -> None:
        """Forget everything: what Redis holds does not go on from here, for `reason`.

        Every reader falls off, and joins again; the ring is to be started anew.
        """
        self._first = self._restarted_at = self.end + 1
        self._restarted_for = reason
        self._frames.clear()
        self._joined.clear()
        self._before = Frame(Place(0, 0), "0-0", b"")
        self._started = self.stale = False
        self.confirmed = 0.0
        self.wake()

    def reason_to_fall(self, index: int) -> LaggedReason:
        """Why the events from `index` on are gone."""
        return self._restarted_for if index < self._restarted_at else "slow"

    def tell_stale(self, sse: bytes, *, stale: bool) -> None:
        """Add the word, to all readers, that the book is too old, or is not any more."""
        self.stale = stale
        self.told_at = self.end
        self.append(self.last._replace(sse=sse))
        self.wake()

    def append(self, frame: Frame) -> None:
        """Add an event, not older than the last; `wake` when all that came together are there."""
        self._frames.append(frame)
        self._joined.clear()
        if len(self._frames) >= 2 * MOST_EVENTS:
            gone = len(self._frames) - MOST_EVENTS
            self._before = self._frames[gone - 1]
            del self._frames[:gone]
            self._first += gone

    def wake(self) -> None:
        """Let every reader look again."""
        wakers, self._wakers = self._wakers, set()
        for waker in wakers:
            waker()

    def on_change(self, waker: Callable[[], None]) -> None:
        """Call `waker` once, at the next change."""
        self._wakers.add(waker)

    def forget(self, waker: Callable[[], None]) -> None:
        """Do not call `waker`."""
        self._wakers.discard(waker)

    def index_after(self, place: Place) -> int | None:
        """The index of the first event after `place`.

        None where events between are gone, or where the ring has not come to `place` itself.
        """
        if not self._before.place <= place <= self.last.place:
            return None
        offset = bisect_left(self._frames, place, key=lambda frame: frame.place)
        # Of frames at one place the first is the event; words of the api's own follow it.
        numbered = place != self._before.place and self._frames[offset].place == place
        return self._first + offset + numbered

    def index_after_id(self, event_id: str) -> int | None:
        """The index right after the event with this id; None where the ring does not have it."""
        if event_id == self._before.id:
            return self._first
        for offset, frame in enumerate(self._frames):
            if frame.id == event_id:
                return self._first + offset + 1
        return None

    def read(self, index: int) -> tuple[bytes, int] | None:
        """The events from `index` on in one write, and the index after; None where they are gone.

        At most about 64 KiB, and at least one event where there is one.
        """
        if index < self._first:
            return None
        joined = self._joined.get(index)
        if joined is None:
            if len(self._joined) >= MOST_JOINED:
                self._joined.clear()
            joined = self._joined[index] = self._join(index)
        return joined

    def place_before(self, index: int) -> Place:
        """The place of the event before `index`, which the ring must still have."""
        offset = index - self._first - 1
        return self._frames[offset].place if offset >= 0 else self._before.place

    def _join(self, index: int) -> tuple[bytes, int]:
        parts: list[bytes] = []
        size = 0
        for frame in islice(self._frames, index - self._first, None):
            if parts and size + len(frame.sse) > WRITE_BYTES:
                break
            parts.append(frame.sse)
            size += len(frame.sse)
        return b"".join(parts), index + len(parts)
