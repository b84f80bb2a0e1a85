"""The position of an event among the events of its symbol.

The id of an event in Redis and SSE is not its position: it is `<milliseconds>-<seq>`, by the clock
of Redis.
"""

from __future__ import annotations

import msgspec

__all__ = ["NOWHERE", "Position"]


# An api keeps hundreds of thousands of positions. They contain no references, so the garbage
# collector need not visit them.
class Position(msgspec.Struct, frozen=True, order=True, gc=False):
    """A position in a symbol's stream, ordered by epoch, then by seq."""

    epoch: int
    seq: int

    def is_right_after(self, last: Position) -> bool:
        """Return whether this position is the next one after `last` in the same epoch."""
        return self.seq == last.seq + 1 and self.epoch == last.epoch

    def events_since(self, earlier: Position) -> int | None:
        """Return the number of events after `earlier`, up to and including this position.

        Args:
            earlier: The position of an earlier event.

        Returns:
            The number, never negative; None if the epochs differ, because it is unknown then.
        """
        return max(0, self.seq - earlier.seq) if self.epoch == earlier.epoch else None


NOWHERE = Position(0, 0)
"""The position before the first event of any stream."""
