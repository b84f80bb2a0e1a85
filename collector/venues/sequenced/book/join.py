"""Join a stream of numbered changes with a snapshot that the venue gives by REST.

    subscribed ─▶ changes wait ─▶ snapshot as of L ─▶ changes up to L are dropped, the next must
                                                      begin at L + 1 or before

Source: Binance, "How to manage a local order book correctly" (docs/venues.md). A snapshot may be
older than the first change that waits, because the venue caches it. Then it is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from collector.venues.sequenced.book.faults import ChangesLost, NotJoined
from collector.venues.sequenced.protocol import BookMessage, RestSnapshot

# A pair without any change in this time is joined with the snapshot alone. The first change after
# it must continue it.
QUIET_JOIN_DELAY = 5.0
# Venues send at most ten changes a second of a pair; a join takes seconds, at most minutes.
MAX_WAITING_CHANGES = 5000
# The same in levels, because one change may have any number of them.
MAX_WAITING_LEVELS = 200_000
MAX_ATTEMPTS = 6
# The pauses between attempts double from this.
STALE_PAUSE = 1.0


class Joined(NamedTuple):
    """A snapshot, and the changes that waited and continue it."""

    snapshot: RestSnapshot
    changes: Sequence[BookMessage]


class Join:
    """One attempt to join the stream of a pair.

    Args:
        now: Steady seconds at which the stream began.
        since: Number of the last change before it; 0 if it is unknown.

    Attributes:
        is_asked: Whether a snapshot was asked for and has not come.
    """

    def __init__(self, now: float, since: int = 0) -> None:
        self.is_asked = False
        self._waiting: list[BookMessage] = []
        self._levels = 0
        self._since = since
        self._begun_at = now
        self._attempts = 0
        self._due = now

    @property
    def has_changes(self) -> bool:
        """Whether a change has come, so that the stream is known to deliver."""
        return bool(self._waiting)

    def add(self, change: BookMessage) -> None:
        """Keep a change until the snapshot comes.

        A ChangesLost is raised if the change does not continue the one before.

        Raises:
            NotJoined: Too many changes wait.
        """
        if self._waiting:
            last = self._waiting[-1].last
            if change.last <= last:
                return
            require_next(change, last)
        self._levels += len(change.bids) + len(change.asks)
        if len(self._waiting) >= MAX_WAITING_CHANGES or self._levels > MAX_WAITING_LEVELS:
            raise NotJoined(f"too many changes wait for a snapshot: {len(self._waiting)}")
        self._waiting.append(change)

    def is_due(self, now: float) -> bool:
        """Return whether the snapshot is to be asked for now."""
        has_begun = self._waiting or now >= self._begun_at + QUIET_JOIN_DELAY
        return not self.is_asked and bool(has_begun) and now >= self._due

    def answer(self, snapshot: RestSnapshot, now: float) -> Joined | None:
        """Join with a snapshot.

        A ChangesLost is raised if the changes do not continue the snapshot, and a NotJoined if all
        attempts were used up.

        Args:
            snapshot: The snapshot.
            now: The time, in steady seconds.

        Returns:
            The snapshot and its changes; None if it is older than the stream, and is asked for
            again after a pause.
        """
        begins_at = self._waiting[0].first if self._waiting else self._since + 1
        if snapshot.last < begins_at - 1:
            self.failed(now, "the snapshots are older than the stream")
            return None
        self.is_asked = False
        changes = [change for change in self._waiting if change.last > snapshot.last]
        if changes:
            require_next(changes[0], snapshot.last)
        return Joined(snapshot, changes)

    def failed(self, now: float, why: str) -> None:
        """Try again after a pause, because no usable snapshot came.

        Raises:
            NotJoined: All attempts were used up.
        """
        self.is_asked = False
        self._attempts += 1
        if self._attempts >= MAX_ATTEMPTS:
            raise NotJoined(f"no snapshot after {MAX_ATTEMPTS} attempts: {why}")
        self._due = now + STALE_PAUSE * 2.0 ** (self._attempts - 1)


def require_next(change: BookMessage, last: int) -> None:
    """Require that a change continues the change `last`.

    Raises:
        ChangesLost: Changes between them are missing.
    """
    if change.first > last + 1:
        raise ChangesLost(f"changes {last + 1} to {change.first - 1} are missing")
