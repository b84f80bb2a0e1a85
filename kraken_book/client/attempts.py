"""Which failed requests are repeated, and after which pause."""

from __future__ import annotations

from kraken_book.backoff import Backoff
from kraken_book.client.arguments import checked_attempts
from kraken_book.errors import KrakenBookError

__all__ = ["Attempts"]

LEAST_PAUSE = 0.25
MAX_PAUSE = 4.0


class Attempts:
    """The attempts of one request.

    Args:
        most: The number of attempts at most.
        max_pause: Seconds of the longest pause. If the api asks for a longer one, its error is
            raised at once, so that the caller can decide.
        backoff: The pauses if the api asks for none.
    """

    def __init__(self, most: int, max_pause: float, backoff: Backoff | None = None) -> None:
        self._left = checked_attempts(most)
        self._max_pause = max_pause
        self._backoff = backoff or Backoff(LEAST_PAUSE, MAX_PAUSE)

    def pause_after(self, error: KrakenBookError) -> float:
        """Return the seconds to wait before the next attempt; raise `error` if there is none."""
        self._left -= 1
        wanted: float = getattr(error, "retry_after", None) or 0.0
        if not error.is_transient or not self._left or wanted > self._max_pause:
            raise error
        return min(max(wanted, self._backoff.next()), self._max_pause)
