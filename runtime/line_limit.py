"""Keep what clients can provoke at will from filling the log."""

from __future__ import annotations

from time import monotonic


class LineLimit:
    """Allow one line per key and `seconds`, and at most `together` lines of all keys.

    Args:
        seconds: The length of the window in which lines are counted.
        together: How many lines a window may have, whatever the keys.

    """

    def __init__(self, seconds: float = 10.0, together: int = 20) -> None:
        self._seconds = seconds
        self._together = together
        self._ends_at = 0.0
        self._keys: set[str] = set()
        self._suppressed = 0

    def admit(self, key: str) -> int | None:
        """Return how many lines were suppressed since the last one, or None to suppress this one.

        Args:
            key: What the line is about, such as a client's address.

        """
        now = monotonic()
        if now >= self._ends_at:
            self._ends_at = now + self._seconds
            self._keys.clear()
        if key in self._keys or len(self._keys) >= self._together:
            self._suppressed += 1
            return None
        self._keys.add(key)
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed
