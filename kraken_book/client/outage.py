"""The outage of a stream: why, since when, and for how long the client keeps trying."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from kraken_book.errors import KrakenBookError, TimedOut, Unreachable

__all__ = ["Failure", "Outage", "hint_for", "proxy_words", "too_slow"]

log = logging.getLogger("kraken_book.client")

REMINDER_SECONDS = 30.0


class Failure(NamedTuple):
    """Why a request was not answered."""

    words: str
    """The reason, and what to change if that is known."""
    kind: type[Unreachable]
    """The error for callers."""


def too_slow(seconds: float) -> Failure:
    """Return the failure of a request that has no answer after `seconds`."""
    return Failure(
        f"no answer within {seconds:.3g} s; if the server is slow, raise timeout=", TimedOut
    )


def hint_for(kind: type[KrakenBookError] | None) -> str:
    """Return the end of a message about an api that never answered.

    Args:
        kind: The error. Its subclasses have remedies of their own: a proxy, TLS, a time limit.
    """
    if kind is not None and kind is not Unreachable:
        return ""
    return "; is an api running there? `make run` starts one"


def proxy_words(variable: str | None) -> str:
    """Return the end of a message about a request through the proxy of `variable`, if any."""
    if variable is None:
        return ""
    return (
        f"; the request goes through the proxy of {variable}: correct it, or name the host in"
        " NO_PROXY"
    )


class Outage:
    """Tracks and logs the time without a stream.

    Args:
        address: The api's address, for messages.
        give_up_after: Seconds to try if nothing ever answers; None is no limit.
        attempts: Failed attempts in a row after which to give up; None is no limit.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        address: str,
        give_up_after: float | None = None,
        attempts: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.reason: str | None = "not connected yet"
        """Why there is no stream, None while there is one."""
        self._address = address
        self._give_up_after = give_up_after
        self._attempts = attempts
        self._failures = 0
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

    def report(self, reason: str, error: KrakenBookError | None = None) -> None:
        """Record that there is no stream; log it when the outage begins and every 30 s after.

        If this was the last attempt, `error` is raised. If nothing ever answered, and the time to
        try is over, Unreachable is raised.

        Args:
            reason: Why there is no stream.
            error: The error of the attempt; None after a stream that had opened.
        """
        self.reason, now = reason, self._clock()
        self._failures += error is not None
        if self._since is None:
            self._since = now
        left = self.seconds_left()
        if left is not None and left <= 0:
            kind = type(error) if isinstance(error, Unreachable) else Unreachable
            raise kind(
                f"{self._address}: nothing answered for {self._give_up_after:g} s ({reason})"
                f"{self._hint(kind)}"
            )
        if error is not None and self._attempts is not None and self._failures >= self._attempts:
            raise self._last(error, reason)
        if self._logged_at is None:
            limit = "" if left is None else f" for {self._give_up_after:g} s"
            log.warning(
                "%s: no stream: %s; trying again%s%s",
                self._address,
                reason,
                limit,
                self._hint(None if error is None else type(error)),
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
        self._failures = 0

    def _last(self, error: KrakenBookError, reason: str) -> KrakenBookError:
        """Return the error of the last attempt; one without an answer also has their number."""
        if not isinstance(error, Unreachable):
            return error
        count = "1 attempt" if self._failures == 1 else f"{self._failures} attempts"
        kind = type(error)
        return kind(f"{self._address}: no answer in {count} ({reason}){self._hint(kind)}")

    def _hint(self, kind: type[KrakenBookError] | None) -> str:
        return "" if self._was_answered else hint_for(kind)
