"""Keep events as SSE, in order, for any number of readers.

A reader is an index into the log. The events from its index on are joined into one write, and
readers at the same index share the bytes of that write. Each log is bounded by a number of events,
and all logs of a process by the bytes of one `Buffer`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import msgspec

from api.follow.buffer import FLOOR_BYTES, Buffer
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position

# About 2 MB a symbol at depth 10.
MAX_EVENTS = 4096
WRITE_BYTES = 64 * 1024
# The Python objects of an event, besides its text.
EVENT_OVERHEAD_BYTES = 250
# Most readers are at the end of the log, so few joined writes are shared.
MAX_WRITES = 16
# Seconds for which wakers are called before other tasks run.
WAKE_SECONDS = 0.02


Waker = Callable[[], bool | None]
"""Handles a change; returns True to be called at the next change too."""


# gc=False: a process keeps hundreds of thousands of events, which cannot form reference cycles, so
# the garbage collector should not visit them.
class SseEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it is sent.

    An unnumbered event, which the api adds, has the position and id of the event before it.
    """

    position: Position
    id: str
    sse: bytes


def render_sse(event_id: str, data: bytes) -> bytes:
    """Return a numbered event as SSE; without an `event` field, so that `onmessage` receives it."""
    return b"id: %b\ndata: %b\n\n" % (event_id.encode(), data)


def render_unnumbered_sse(data: bytes) -> bytes:
    """Return an unnumbered event as SSE; without `id`, so the client's last id does not change."""
    return b"data: %b\n\n" % data


class Write(NamedTuple):
    """Events of a log that are sent in one write."""

    data: bytes
    end: int
    """The index after the last event of `data`."""
    position: Position
    """The position of the last event of `data`."""
    is_last: bool
    """Whether the log has no events after those of `data`."""


class EventLog:
    """The last events of a stream; the index of an event never changes.

    The log keeps at least `capacity` and fewer than twice `capacity` events. It keeps fewer if the
    buffer of the process is full.

    Args:
        capacity: The least number of events that are kept, if the buffer allows.
        buffer: The buffer of the process.
        wake_seconds: Seconds for which wakers are called before other tasks run.
    """

    symbol: str

    def __init__(
        self,
        capacity: int = MAX_EVENTS,
        buffer: Buffer | None = None,
        wake_seconds: float = WAKE_SECONDS,
    ) -> None:
        self._capacity = capacity
        self._wake_seconds = wake_seconds
        self.changed_at = monotonic()
        """The steady time of the last change."""
        self.waiting = 0
        """The number of readers that wait for a book to open with."""
        self._events: list[SseEvent] = []
        self._first = 0
        self._writes: dict[int, Write] = {}
        self._writes_bytes = 0
        self._wakers: set[Waker] = set()
        # Wakers that have not been called yet for the last change.
        self._due: deque[Waker] = deque()
        self._next_wakes: asyncio.Handle | None = None
        self._buffer = Buffer() if buffer is None else buffer
        self._share = self._buffer.share(self._evict)
        self._own_bytes = 0
        self._max_bytes: int | None = None

    @property
    def end(self) -> int:
        """Return the index of the next event to be appended."""
        return self._first + len(self._events)

    def append(self, event: SseEvent) -> None:
        """Add an event, not older than the last one, without waking readers."""
        self._events.append(event)
        size = len(event.sse) + EVENT_OVERHEAD_BYTES
        if self._writes:
            size -= self._forget_writes()
        if len(self._events) >= 2 * self._capacity:
            size -= self._drop(len(self._events) - self._capacity)
        self._share.add(size)
        if self._max_bytes is not None and self._share.bytes > self._max_bytes:
            # A quarter more than needed, so that not every event causes an eviction.
            self._share.shrink(self._share.bytes - self._max_bytes + self._max_bytes // 4)

    def keep(self, own: int, floor: int = FLOOR_BYTES, most: int | None = None) -> None:
        """Bound the bytes of this log.

        Args:
            own: The bytes that the log needs besides its events.
            floor: The bytes of events that it keeps if possible.
            most: The bound of its events' bytes, None if only the buffer bounds them.
        """
        self._share.set_floor(own + floor)
        self._max_bytes = None if most is None else own + most
        added, self._own_bytes = own - self._own_bytes, own
        if added:
            self._share.add(added)

    def close(self) -> None:
        """Drop all events and remove the log from the buffer."""
        self._drop(len(self._events))
        self._forget_writes()
        self._share.close()

    def wake(self) -> None:
        """Call every waker; if that takes long, the rest later in the event loop."""
        self.changed_at = monotonic()
        self._due.extend(self._wakers)
        self._wakers.clear()
        if self._next_wakes is None:
            self._call_due_wakers()

    def on_change(self, waker: Waker) -> None:
        """Call `waker` at the next change, and at each one after that while it returns True."""
        self._wakers.add(waker)

    def forget(self, waker: Waker) -> None:
        """Remove `waker`, so that it is not called."""
        self._wakers.discard(waker)
        if self._due:
            with suppress(ValueError):
                self._due.remove(waker)

    def events_from(self, index: int, most: int | None = None) -> list[SseEvent] | None:
        """Return the events from `index` on, at most `most`; None if they are gone."""
        begin = index - self._first
        end = None if most is None else begin + most
        return self._events[begin:end] if begin >= 0 else None

    def read(self, index: int) -> Write | None:
        """Return the events from `index` on that fit into one write; None if they are gone.

        A write has at most 64 KiB, unless a single event is larger.
        """
        if index < self._first:
            return None
        write = self._writes.get(index)
        if write is None:
            size = -self._forget_writes() if len(self._writes) >= MAX_WRITES else 0
            write = self._writes[index] = self._write_from(index)
            self._writes_bytes += len(write.data)
            self._share.add(size + len(write.data))
        return write

    def lagged_reason(self, index: int) -> LaggedReason:  # noqa: ARG002 - used by subclasses
        """Return why the events from `index` on are gone."""
        return "slow"

    def _write_from(self, index: int) -> Write:
        parts: list[bytes] = []
        size = 0
        position = NOWHERE
        # By index, because a slice would copy the rest of the log.
        for at in range(index - self._first, len(self._events)):
            event = self._events[at]
            sse = self._render(event)
            if parts and size + len(sse) > WRITE_BYTES:
                break
            parts.append(sse)
            size += len(sse)
            position = event.position
        end = index + len(parts)
        return Write(b"".join(parts), end, position, end == self.end)

    def _render(self, event: SseEvent) -> bytes:
        return event.sse

    def _forget_writes(self) -> int:
        """Drop the joined writes; return their bytes."""
        size, self._writes_bytes = self._writes_bytes, 0
        self._writes.clear()
        return size

    def _evict(self, size: int) -> int:
        """Drop about `size` bytes of the oldest events, never the newest; return the bytes."""
        evicted = self._forget_writes()
        count = 0
        for event in self._events[:-1]:
            if evicted >= size:
                break
            evicted += len(event.sse) + EVENT_OVERHEAD_BYTES
            count += 1
        self._drop(count)
        return evicted

    def _drop(self, count: int) -> int:
        """Drop the oldest `count` events; return their bytes."""
        gone = self._events[:count]
        if not gone:
            return 0
        self._on_gone(gone[-1])
        del self._events[:count]
        self._first += count
        return sum(len(event.sse) for event in gone) + count * EVENT_OVERHEAD_BYTES

    def _on_gone(self, newest: SseEvent) -> None:
        """Handle that `newest` and all events before it were dropped; a hook for subclasses."""

    def _call_due_wakers(self) -> None:
        self._next_wakes = None
        until = monotonic() + self._wake_seconds
        while self._due:
            waker = self._due.popleft()
            if waker():
                self._wakers.add(waker)
            if self._due and monotonic() > until:
                self._next_wakes = asyncio.get_running_loop().call_soon(self._call_due_wakers)
                return
