"""The outage of a stream: why, since when, and for how long the client keeps trying."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from kraken_book.errors import Unreachable

log = logging.getLogger("kraken_book.client")

REMINDER_SECONDS = 30.0


class Outage:
    """Tracks and logs the time without a stream.

    Args:
        address: The api's address, for messages.
        give_up_after: Seconds to try if nothing ever answers; None is no limit.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        address: str,
        give_up_after: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.reason: str | None = "not connected yet"
        """Why there is no stream, None while there is one."""
        self._address = address
        self._give_up_after = give_up_after
        self._clock = clock
        self._created_at = clock()
        self._was_answered = False
        self._since: float | None = None
        self._logged_at: float | None = None

    def record_answer(self) -> None:
        """Record that a server answered, so that the client never gives up."""
        self._was_answered = True

    def seconds_left(self) -> float | None:
        """Return the time until the client gives up, None if it never does."""
        if self._give_up_after is None or self._was_answered:
            return None
        return self._created_at + self._give_up_after - self._clock()

    def report(self, reason: str) -> None:
        """Record that there is no stream; log it when the outage begins and every 30 s after.

        Args:
            reason: Why there is no stream.

        Raises:
            Unreachable: Nothing ever answered, and the time to try is over.
        """
        self.reason, now = reason, self._clock()
        if self._since is None:
            self._since = now
        left = self.seconds_left()
        if left is not None and left <= 0:
            raise Unreachable(
                f"{self._address}: nothing answered for {self._give_up_after:g} s ({reason})"
                f"{self._hint}"
            )
        if self._logged_at is None:
            limit = "" if left is None else f" for {left:.0f} s"
            log.warning(
                "%s: no stream: %s; trying again%s%s", self._address, reason, limit, self._hint
            )
        elif now - self._logged_at >= REMINDER_SECONDS:
            lasted = now - self._since
            log.warning("%s: no stream for %.0f s: %s; trying again", self._address, lasted, reason)
        else:
            return
        self._logged_at = now

    def end(self) -> None:
        """Record that there is a stream, and log it if the outage was logged."""
        if self._logged_at is not None:
            log.warning("%s: stream is back", self._address)
        self.reason = self._since = self._logged_at = None

    @property
    def _hint(self) -> str:
        return "" if self._was_answered else "; is an api running there? `make run` starts one"
