"""Positions of a recording that is played again, raised so that those of its stream only rise."""

from __future__ import annotations

from collections.abc import Iterable

from kraken_book.position import Position

__all__ = ["RaisedPositions", "epoch_shift"]


class RaisedPositions:
    """The positions of one symbol's events in the stream of a replay.

    They are those of the recording while these rise. In a later epoch the seq is raised above the
    last one too, because a stream in Redis takes only higher seqs.

    Args:
        last: The position of the last event of the stream; None if there is none.
    """

    def __init__(self, last: Position | None = None) -> None:
        self.last = last
        """The position of the last event of the stream; None if there is none."""
        self._epoch_shift = self._seq_shift = 0

    def begin_pass(self, epoch_shift: int) -> None:
        """Begin the recording anew.

        Args:
            epoch_shift: The number to add to each recorded epoch.
        """
        self._epoch_shift = epoch_shift

    def raised(self, recorded: Position) -> Position:
        """Return the position in the stream of a recorded one."""
        epoch = recorded.epoch + self._epoch_shift
        if self.last is not None and epoch > self.last.epoch:
            self._seq_shift = max(0, self.last.seq + 1 - recorded.seq)
        return Position(epoch, recorded.seq + self._seq_shift)

    def restart(self, recorded: Position | None, last_seq: int) -> None:
        """Continue after the end of a stream that has lost events; which ones is unknown.

        Args:
            recorded: The recorded position of the book; None if there is no book.
            last_seq: The seq of the last event that the stream has.
        """
        if recorded is not None and self.raised(recorded).seq <= last_seq:
            self._seq_shift = last_seq + 1 - recorded.seq
        self.last = None


def epoch_shift(recorded: Iterable[int | None], newest: int) -> int:
    """Return the number that raises the epochs of a recording above `newest`, if they are not.

    Args:
        recorded: The first epoch of each file; None if a file has none.
        newest: The newest epoch of all streams; 0 if they have none.
    """
    first = min((epoch for epoch in recorded if epoch is not None), default=0)
    return newest + 1 - first if newest >= first else 0
