"""One bound, in bytes, for everything that a process keeps for its readers.

Logs are bounded by numbers of events too, but clients and markets decide how large events are and
how many logs there are. When all logs together pass the bound, each gives up a part of its oldest
events, and its slowest readers get `lagged`. The floor of a log is what it must keep to be of
use. When the floors fill the buffer, there is no room for another view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from api.store.errors import NoRoom

MAX_BYTES = 256 * 1024 * 1024
# Some of the newest events of a book.
FLOOR_BYTES = 16 * 1024
# Visiting every log takes time, so each visit gives up this part of the buffer.
GIVEN_UP_PART = 64


class Buffer:
    """Counts the bytes of all logs and openings; makes logs give up events past `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        """The bytes that all shares and openings hold."""
        self.pinned = 0
        """The bytes of openings, which cannot be given up before they are sent."""
        self.floors = 0
        """The sum of the floors of all shares."""
        self.limit = max_bytes
        """Logs give up events when `bytes` passes this."""
        self._shares: set[BufferShare] = set()

    def share(self, give_up: Callable[[int], int], floor: int = FLOOR_BYTES) -> BufferShare:
        """Return a new share.

        Args:
            give_up: Forgets about a number of bytes, and returns how many it has forgotten.
            floor: How many bytes the share keeps if possible.
        """
        share = BufferShare(self, give_up, floor)
        self._shares.add(share)
        self.floors += floor
        return share

    @property
    def is_full(self) -> bool:
        """Return whether there is no room for another log: floors may take half of the buffer."""
        return self.floors > self.max_bytes // 2

    def has_room(self, size: int) -> bool:
        """Return whether an opening of `size` bytes may be kept.

        Openings may take half of the buffer; a single one is always allowed.
        """
        return not self.pinned or self.pinned + size <= self.max_bytes // 2

    def pin(self, size: int) -> None:
        """Count an opening that readers are sent; raise NoRoom."""
        if not self.has_room(size):
            raise NoRoom
        self.pinned += size
        self.add(size)

    def unpin(self, size: int) -> None:
        """Stop counting an opening: its readers have been sent it, or have gone."""
        self.pinned -= size
        self.bytes -= size

    def add(self, size: int) -> None:
        """Count `size` bytes more, fewer if it is negative, and keep the bound."""
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
        step = self.max_bytes // GIVEN_UP_PART
        self._give_up(step, ((share, share.bytes - share.floor) for share in self._shares))
        if self.bytes > self.max_bytes:
            self._give_up(step, ((share, share.bytes) for share in self._shares))
        # If too little could be given up, the next event must not cause another try.
        is_kept = self.bytes <= self.max_bytes
        self.limit = self.max_bytes if is_kept else self.bytes + step

    def _give_up(self, step: int, spare: Iterable[tuple[BufferShare, int]]) -> None:
        """Make shares give up the excess and `step`, in proportion to what they can spare."""
        spare = [(share, size) for share, size in spare if size > 0]
        total = sum(size for _, size in spare)
        excess = self.bytes - self.max_bytes + step
        part = min(1.0, excess / total) if total else 0.0
        for share, size in spare:
            share.shrink(int(size * part))


class BufferShare:
    """One log's part of the buffer."""

    __slots__ = ("_buffer", "_give_up", "bytes", "floor")

    def __init__(self, buffer: Buffer, give_up: Callable[[int], int], floor: int) -> None:
        self._buffer = buffer
        self._give_up = give_up
        self.bytes = 0
        self.floor = floor

    def add(self, size: int) -> None:
        """Count `size` bytes more, fewer if it is negative."""
        self.bytes += size
        buffer = self._buffer
        buffer.bytes += size
        # `Buffer.add` inlined: this is called for every event.
        if buffer.bytes > buffer.limit:
            buffer.add(0)

    def shrink(self, size: int) -> None:
        """Give up about `size` bytes."""
        given = self._give_up(size)
        self.bytes -= given
        self._buffer.bytes -= given

    def clear(self) -> None:
        """Count nothing, because everything has been forgotten."""
        self.add(-self.bytes)

    def set_floor(self, floor: int) -> None:
        """Keep `floor` bytes if possible."""
        self._buffer.floors += floor - self.floor
        self.floor = floor

    def close(self) -> None:
        """Give the share back."""
        self._buffer.forget(self)
        # Otherwise the log would refer to itself and wait for the garbage collector.
        self._give_up = _nothing
        # A read that is under way may still append, which must count in no buffer.
        self._buffer = Buffer()


def _nothing(_size: int) -> int:
    return 0
