"""How long to wait before trying again."""

from __future__ import annotations

import random


class Backoff:
    """Delays in seconds that double: at first from `least` to twice that, never above `most`.

    Each is drawn at random from the upper half of its range, so that clients that failed together
    do not come back together.
    """

    def __init__(self, least: float = 1.0, most: float = 60.0) -> None:
        self._least = least
        self._most = most
        self._failures = 0

    def next(self) -> float:
        """Return the delay after one more failure, in seconds."""
        self._failures += 1
        whole = min(self._most, self._least * 2.0 ** min(self._failures, 32))
        return random.uniform(whole / 2, whole)

    def reset(self) -> None:
        """Forget the failures; for when what failed was seen to work, not only to begin."""
        self._failures = 0
