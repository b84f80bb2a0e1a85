"""A log in which no line can be repeated without end, as what comes from outside would have it."""

from __future__ import annotations

from collections import Counter
from time import monotonic

from structlog.stdlib import BoundLogger

LIMIT_SECONDS = 10.0
LIMIT_LINES = 5


class LimitedLog:
    """At most `lines` lines of one event in `seconds`; how many were left out is said later."""

    def __init__(
        self, log: BoundLogger, seconds: float = LIMIT_SECONDS, lines: int = LIMIT_LINES
    ) -> None:
        self._log = log
        self._seconds = seconds
        self._lines = lines
        self._since: float | None = None
        # By event, since then.
        self._written: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def debug(self, event: str, **fields: object) -> None:
        """Log at this level, unless there were enough of it."""
        if self.may_write(event):
            self._log.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Log at this level, unless there were enough of it."""
        if self.may_write(event):
            self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log at this level, unless there were enough of it."""
        if self.may_write(event):
            self._log.warning(event, **fields)

    def may_write(self, event: str) -> bool:
        """Count a line of `event`; return whether it is to be written."""
        self.sum_up()
        if self._written[event] >= self._lines:
            self._left_out[event] += 1
            return False
        self._written[event] += 1
        return True

    def sum_up(self, now: float | None = None) -> None:
        """Say how many lines were left out, if the time is over; call now and then.

        `now` is in steady seconds; None for this moment.
        """
        now = monotonic() if now is None else now
        if self._since is None:
            self._since = now
        if now - self._since < self._seconds:
            return
        left_out, self._left_out = self._left_out, Counter()
        self._written.clear()
        self._since = now
        for event, count in left_out.items():
            self._log.warning("log lines left out", of=event, count=count)
