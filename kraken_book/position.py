"""The position of an event in a symbol's stream.

An event's id in Redis and SSE is another thing: `<milliseconds>-<seq>`, by the clock of Redis.
"""

from __future__ import annotations

import msgspec


# An api keeps hundreds of thousands. They refer to nothing, so the garbage collector need not
# visit them.
class Position(msgspec.Struct, frozen=True, order=True, gc=False):
    """A position in a symbol's stream: ordered by epoch, then by seq."""

    epoch: int
    seq: int

    def is_right_after(self, last: Position) -> bool:
        """Return whether no event of this epoch lies between `last` and this position."""
        return self.seq == last.seq + 1 and self.epoch == last.epoch

    def events_since(self, earlier: Position) -> int | None:
        """Return the number of events after `earlier`, up to and including this position.

        Args:
            earlier: The position of an event that came before.

        Returns:
            The number, never negative; None if the epochs differ, because nobody can know it then.
        """
        return max(0, self.seq - earlier.seq) if self.epoch == earlier.epoch else None


NOWHERE = Position(0, 0)
"""The position before the first event of any stream."""
