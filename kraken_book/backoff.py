"""Growing, randomized delays between attempts."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Delays that double with each failure.

    Each delay is drawn at random, so that clients that failed together do not return together.

    Args:
        least: The lower bound of the first delay, in seconds; its upper bound is twice that.
        most: The upper bound of all delays, in seconds.
    """

    def __init__(self, least: float = 1.0, most: float = 60.0) -> None:
        self._least = least
        self._most = most
        self._failures = 0

    def next(self) -> float:
        """Count one more failure, and return the delay after it in seconds."""
        self._failures += 1
        whole = min(self._most, self._least * 2.0 ** min(self._failures, 32))
        return random.uniform(whole / 2, whole)

    def reset(self) -> None:
        """Forget all failures.

        Call this after the operation has proved to work, not when it has merely begun.
        """
        self._failures = 0
