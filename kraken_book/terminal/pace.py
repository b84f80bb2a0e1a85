"""How often to paint: so often at most, and never more than half of the time."""

from __future__ import annotations


class Pace:
    """Leaves the events at least as much time as painting took, however slow the terminal is."""

    def __init__(self) -> None:
        self._not_before = float("-inf")

    def is_due(self, now: float) -> bool:
        """Return whether painting may begin."""
        return now >= self._not_before

    def took(self, begun: float, ended: float) -> None:
        """Take that painting took from `begun` until `ended`."""
        self._not_before = ended + (ended - begun)
