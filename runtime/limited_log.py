"""Rate limits for log lines that clients, a feed or other writers of Redis can cause.

`LineLimit` decides whether a line is written. `LimitedLog` is a logger with a limit per event.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from time import monotonic

from structlog.stdlib import BoundLogger

EVENT_INTERVAL = 10.0
MAX_LINES_PER_EVENT = 5


class LineLimit:
    """A limit of log lines per key, and of all lines together, in a window of time.

    A window begins with its first line. At most `together` keys are kept in memory.

    Args:
        seconds: The length of a window.
        lines: The maximum of lines of one key in a window.
        together: The maximum of lines of all keys in a window.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        seconds: float,
        lines: int = 1,
        together: int = sys.maxsize,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._seconds = seconds
        self._lines = lines
        self._together = together
        self._clock = clock
        self._ends_at = float("-inf")
        self._admitted: Counter[str] = Counter()
        self._all_admitted = 0
        self._suppressed: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        """Return whether the window has ended; the next line begins another one."""
        return self._clock() >= self._ends_at

    def admits(self, key: str) -> bool:
        """Count a line of `key`; return whether it may be written."""
        if self.is_over:
            self._ends_at = self._clock() + self._seconds
            self._admitted.clear()
            self._all_admitted = 0
        if self._admitted[key] < self._lines and self._all_admitted < self._together:
            self._admitted[key] += 1
            self._all_admitted += 1
            return True
        # Keys without an admitted line share one count, so that many keys do not fill the memory.
        self._suppressed[key if self._admitted[key] else ""] += 1
        return False

    def take_suppressed(self) -> Counter[str]:
        """Return the number of suppressed lines by key since the last call."""
        suppressed, self._suppressed = self._suppressed, Counter()
        return suppressed


class LimitedLog:
    """A logger that writes a few lines of each event, and later how many it suppressed.

    Args:
        log: The logger to write to.
        limit: The limit by event.
    """

    def __init__(self, log: BoundLogger, limit: LineLimit | None = None) -> None:
        self._log = log
        self._limit = limit or LineLimit(EVENT_INTERVAL, MAX_LINES_PER_EVENT)

    def debug(self, event: str, **fields: object) -> None:
        """Log at level debug, within the limit."""
        if self._admits(event):
            self._log.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Log at level info, within the limit."""
        if self._admits(event):
            self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log at level warning, within the limit."""
        if self._admits(event):
            self._log.warning(event, **fields)

    def sum_up(self) -> None:
        """Log the number of suppressed lines if the window has ended; call from time to time."""
        if self._limit.is_over:
            for event, count in self._limit.take_suppressed().items():
                self._log.warning("log lines suppressed", of=event, count=count)

    def _admits(self, event: str) -> bool:
        self.sum_up()
        return self._limit.admits(event)
