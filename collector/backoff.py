"""How long to wait before trying again."""

from __future__ import annotations

import random


class Backoff:
    """Delays that double from `least` to `most` seconds, each cut by up to half at random.

    The jitter keeps many clients that failed together from coming back together.
    """

    def __init__(self, least: float = 1.0, most: float = 60.0) -> None:
        self._least = least
        self._most = most
        self._failures = 0

    def next(self) -> float:
        """The delay after one more failure, in seconds, never below `least`."""
        whole = min(self._most, self._least * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return float(max(self._least, whole * random.uniform(0.5, 1.0)))

    def reset(self) -> None:
        """Forget the failures; for when what failed was seen to work, not only to begin."""
        self._failures = 0
