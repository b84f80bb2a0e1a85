"""Limits the share of time that painting takes."""

from __future__ import annotations


class Pace:
    """Leaves events at least as much time as painting took, however slow the terminal is."""

    def __init__(self) -> None:
        self._not_before = float("-inf")

    def is_due(self, now: float) -> bool:
        """Return whether painting may begin."""
        return now >= self._not_before

    def record_paint(self, begun: float, ended: float) -> None:
        """Record the time that painting took."""
        self._not_before = ended + (ended - begun)
