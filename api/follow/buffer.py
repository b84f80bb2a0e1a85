"""Bound the bytes that a process keeps for its readers.

The number of events of each log is bounded too, but clients and markets determine the size of
events and the number of logs. When all logs together exceed the bound, each evicts a part of its
oldest events, and its slowest readers get `lagged`. The floor of a log is the least that it needs
to be useful. When the floors take half of the buffer, another channel is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from api.store.errors import NoRoom

MAX_BYTES = 256 * 1024 * 1024
# Room for the newest events of a book.
FLOOR_BYTES = 16 * 1024
# One part in this many is evicted at a time, because visiting all logs takes long.
EVICTED_PART = 64


class Buffer:
    """Counts the bytes of all logs and openings, and makes logs evict events beyond `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        """The bytes that all shares and openings hold."""
        self.pinned = 0
        """The bytes of openings, which cannot be evicted before they are sent."""
        self.floors = 0
        """The sum of the floors of all shares."""
        self.limit = max_bytes
        """Logs evict events when `bytes` exceeds this."""
        self._shares: set[BufferShare] = set()

    def share(self, evict: Callable[[int], int], floor: int = FLOOR_BYTES) -> BufferShare:
        """Return a new share.

        Args:
            evict: Called with a number of bytes; drops about as many and returns the number of
                bytes that it dropped.
            floor: The bytes that the share keeps if possible.
        """
        share = BufferShare(self, evict, floor)
        self._shares.add(share)
        self.floors += floor
        return share

    @property
    def is_full(self) -> bool:
        """Return whether the floors take more than half of the buffer, so no log may be added."""
        return self.floors > self.max_bytes // 2

    def has_room(self, size: int) -> bool:
        """Return whether an opening of `size` bytes may be pinned.

        All openings together may take half of the buffer; a single one is always allowed.
        """
        return not self.pinned or self.pinned + size <= self.max_bytes // 2

    def pin(self, size: int) -> None:
        """Count an opening that is being sent; raise NoRoom if openings take too much already."""
        if not self.has_room(size):
            raise NoRoom
        self.pinned += size
        self.add(size)

    def unpin(self, size: int) -> None:
        """Stop counting an opening, because it has been sent or its readers have left."""
        self.pinned -= size
        self.bytes -= size

    def add(self, size: int) -> None:
        """Add `size`, which may be negative, to the bytes, and evict events beyond the bound."""
        self.bytes += size
        if self.bytes > self.limit:
            self._keep_bound()

    def forget(self, share: BufferShare) -> None:
        """Stop counting a share."""
        if share in self._shares:
            self._shares.discard(share)
            self.bytes -= share.bytes
            self.floors -= share.floor
            share.bytes = share.floor = 0

    def _keep_bound(self) -> None:
        step = self.max_bytes // EVICTED_PART
        self._evict(step, ((share, share.bytes - share.floor) for share in self._shares))
        if self.bytes > self.max_bytes:
            self._evict(step, ((share, share.bytes) for share in self._shares))
        # If too little could be evicted, the next event must not cause another visit.
        is_kept = self.bytes <= self.max_bytes
        self.limit = self.max_bytes if is_kept else self.bytes + step

    def _evict(self, step: int, spare: Iterable[tuple[BufferShare, int]]) -> None:
        """Evict the excess and `step`, in proportion to the bytes that each share can spare."""
        spare = [(share, size) for share, size in spare if size > 0]
        total = sum(size for _, size in spare)
        excess = self.bytes - self.max_bytes + step
        part = min(1.0, excess / total) if total else 0.0
        for share, size in spare:
            share.shrink(int(size * part))


class BufferShare:
    """One log's part of the buffer."""

    __slots__ = ("_buffer", "_evict", "bytes", "floor")

    def __init__(self, buffer: Buffer, evict: Callable[[int], int], floor: int) -> None:
        self._buffer = buffer
        self._evict = evict
        self.bytes = 0
        self.floor = floor

    def add(self, size: int) -> None:
        """Add `size`, which may be negative, to the bytes."""
        self.bytes += size
        buffer = self._buffer
        buffer.bytes += size
        # `Buffer.add` is inlined, because this is called for every event.
        if buffer.bytes > buffer.limit:
            buffer.add(0)

    def shrink(self, size: int) -> None:
        """Evict about `size` bytes."""
        evicted = self._evict(size)
        self.bytes -= evicted
        self._buffer.bytes -= evicted

    def clear(self) -> None:
        """Set the bytes to 0, because the log was cleared."""
        self.add(-self.bytes)

    def set_floor(self, floor: int) -> None:
        """Set the bytes that the share keeps if possible."""
        self._buffer.floors += floor - self.floor
        self.floor = floor

    def close(self) -> None:
        """Remove the share from the buffer."""
        self._buffer.forget(self)
        # Without the reference cycle, the log's memory is freed without the garbage collector.
        self._evict = _nothing
        # A read in progress may still append; its bytes must not count.
        self._buffer = Buffer()


def _nothing(_size: int) -> int:
    return 0
