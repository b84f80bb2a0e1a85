"""So many in so long and no more: of connections, of subscriptions, of requests."""

from __future__ import annotations

from collections import deque


class Budget:
    """At most `amount` in any `seconds`; times are steady seconds, given by the caller."""

    def __init__(self, amount: int, seconds: float) -> None:
        self._amount = amount
        self._seconds = seconds
        self._taken: deque[float] = deque(maxlen=amount)
        self._paused_until = 0.0

    def wait(self, now: float) -> float:
        """After how many seconds the next one may be had; 0 for now."""
        due = self._taken[0] + self._seconds if len(self._taken) == self._amount else now
        return max(0.0, due - now, self._paused_until - now)

    def take(self, now: float) -> bool:
        """Take one, if it may be had now."""
        if self.wait(now) > 0:
            return False
        self._taken.append(now)
        return True

    def pause(self, until: float) -> None:
        """Give none before `until`."""
        self._paused_until = max(self._paused_until, until)
