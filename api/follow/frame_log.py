"""Frames in their order, for any number of readers: written once, joined once for who stands alike.

A reader is a place in the log: it costs an integer, and what it has not been sent is joined into
one write. Readers at the same place share that write's bytes. A log is bounded by a number of
frames, and all logs of a process by the bytes of one `Buffer`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

import msgspec

from api.follow.buffer import FLOOR_BYTES, Buffer
from kraken_book.position import Position

# About 2 MB a symbol at depth 10, and a minute and more of the busiest book.
MOST_EVENTS = 4096
WRITE_BYTES = 64 * 1024
# A frame without its text: the objects that it is made of.
FRAME_BYTES = 250
# Most readers stand at the end: few writes are worth keeping for who comes to the same place.
MOST_JOINED = 16
# Ten thousand readers are not all written to without a look at what else the process has to do.
WAKE_SECONDS = 0.02


# Hundreds of thousands are kept. They refer to nothing that could refer back, so the garbage
# collector need not visit them: doing so would stop the loop for 100 ms.
class Frame(msgspec.Struct, frozen=True, gc=False):
    """An event as it goes to readers.

    An api's own event has the position and id of the one before.
    """

    position: Position
    id: str
    sse: bytes


def sse_frame(event_id: str, data: bytes) -> bytes:
    """A numbered event as SSE: `id` and `data`, so that a plain `onmessage` gets it."""
    return b"id: %b\ndata: %b\n\n" % (event_id.encode(), data)


def sse_unnumbered(data: bytes) -> bytes:
    """An event of the api's own; the reader's last id stays what it was."""
    return b"data: %b\n\n" % data


class FrameLog:
    """Keep the last frames, at most twice `capacity`; indexes only grow.

    Frames leave earlier if the process's `buffer` is full.
    """

    def __init__(self, capacity: int | None = None, buffer: Buffer | None = None) -> None:
        self._capacity = capacity
        self._frames: list[Frame] = []
        self._first = 0
        self._joined: dict[int, tuple[bytes, int]] = {}
        self._joined_bytes = 0
        self._wakers: set[Callable[[], None]] = set()
        # Of those, who are to be called for a change that has come.
        self._due: deque[Callable[[], None]] = deque()
        self._going_on: asyncio.Handle | None = None
        self._buffer = Buffer() if buffer is None else buffer
        self._share = self._buffer.share(self._give_up)
        # What it costs beside its frames, and how many bytes it keeps at most.
        self._own_bytes = 0
        self._most_bytes: int | None = None

    @property
    def end(self) -> int:
        """The index that the next frame will have."""
        return self._first + len(self._frames)

    def append(self, frame: Frame) -> None:
        """Add a frame, not older than the last; `wake` when all that came together are there."""
        self._frames.append(frame)
        size = len(frame.sse) + FRAME_BYTES
        if self._joined:
            size -= self._forget_joined()
        capacity = self._capacity or MOST_EVENTS
        if len(self._frames) >= 2 * capacity:
            size -= self._drop(len(self._frames) - capacity)
        self._share.add(size)
        if self._most_bytes is not None and self._share.bytes > self._most_bytes:
            # A quarter more than is too much: not each frame is to cost the move of all others.
            self._share.shrink(self._share.bytes - self._most_bytes + self._most_bytes // 4)

    def keep(self, own: int, floor: int = FLOOR_BYTES, most: int | None = None) -> None:
        """Bound the log's bytes by itself too.

        Args:
            own: What the log costs beside its frames.
            floor: What its frames are to keep if possible.
            most: What its frames may have at most; None if the buffer alone bounds them.
        """
        self._share.set_floor(own + floor)
        self._most_bytes = None if most is None else own + most
        added, self._own_bytes = own - self._own_bytes, own
        if added:
            self._share.add(added)

    def close(self) -> None:
        """Forget all frames, and give back the share of the buffer; nobody reads it any more."""
        self._drop(len(self._frames))
        self._forget_joined()
        self._share.close()

    def _give_up(self, size: int) -> int:
        """Forget about `size` bytes of the oldest frames, never the newest; return the bytes."""
        given = self._forget_joined()
        count = 0
        for frame in self._frames[:-1]:
            if given >= size:
                break
            given += len(frame.sse) + FRAME_BYTES
            count += 1
        self._drop(count)
        return given

    def wake(self) -> None:
        """Let every reader look again: all of them now, or the last a little later."""
        self._due.extend(self._wakers)
        self._wakers.clear()
        if self._going_on is None:
            self._wake_due()

    def on_change(self, waker: Callable[[], None]) -> None:
        """Call `waker` once, at the next change."""
        self._wakers.add(waker)

    def forget(self, waker: Callable[[], None]) -> None:
        """Do not call `waker`."""
        self._wakers.discard(waker)
        if self._due:
            with suppress(ValueError):
                self._due.remove(waker)

    def frames_from(self, index: int, most: int | None = None) -> list[Frame] | None:
        """Return the frames from `index` on, at most so many; None if they are gone."""
        begin = index - self._first
        end = None if most is None else begin + most
        return self._frames[begin:end] if begin >= 0 else None

    def read(self, index: int) -> tuple[bytes, int] | None:
        """The events from `index` on in one write, and the index after; None where they are gone.

        At most about 64 KiB, and at least one event where there is one.
        """
        if index < self._first:
            return None
        joined = self._joined.get(index)
        if joined is None:
            size = -self._forget_joined() if len(self._joined) >= MOST_JOINED else 0
            joined = self._joined[index] = self._join(index)
            self._joined_bytes += len(joined[0])
            self._share.add(size + len(joined[0]))
        return joined

    def _forget_joined(self) -> int:
        """Forget the writes that were joined; return their bytes."""
        size, self._joined_bytes = self._joined_bytes, 0
        self._joined.clear()
        return size

    def _drop(self, count: int) -> int:
        """Forget the oldest `count` frames; return their bytes."""
        gone = self._frames[:count]
        if not gone:
            return 0
        self._on_gone(gone[-1])
        del self._frames[:count]
        self._first += count
        return sum(len(frame.sse) for frame in gone) + count * FRAME_BYTES

    def _wake_due(self) -> None:
        self._going_on = None
        until = monotonic() + WAKE_SECONDS
        while self._due:
            self._due.popleft()()
            if self._due and monotonic() > until:
                self._going_on = asyncio.get_running_loop().call_soon(self._wake_due)
                return

    def _join(self, index: int) -> tuple[bytes, int]:
        parts: list[bytes] = []
        size = 0
        # By index: whoever skips to it by iteration, or copies the rest, pays for the whole log.
        for at in range(index - self._first, len(self._frames)):
            sse = self._render(self._frames[at])
            if parts and size + len(sse) > WRITE_BYTES:
                break
            parts.append(sse)
            size += len(sse)
        return b"".join(parts), index + len(parts)

    def _render(self, frame: Frame) -> bytes:
        return frame.sse

    def _on_gone(self, newest: Frame) -> None:
        """What is as old as `newest` has been forgotten."""
