"""Show views less often if showing all of them takes too much of the event loop's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic, thread_time

# Part of the time that views may take; reads, writes and streams of events need the rest.
MAX_BUSY = 0.5
# The first estimate of the time that a showing takes.
FIRST_SECONDS = 0.001


def estimate_seconds(spent: float, before: float) -> float:
    """Return the new estimate of the time that showing a view takes.

    The estimate is the last measurement, but at most twice the estimate before. So one showing that
    garbage collection or another process interrupted does not stop a view for seconds, and a view
    that takes longer each time is estimated correctly after a few showings.

    Args:
        spent: Seconds that the last showing took.
        before: The estimate before; FIRST_SECONDS at first.
    """
    return min(spent, 2 * max(before, FIRST_SECONDS))


class ViewPace:
    """Limits the time that all views of a process take to the part `max_busy`.

    A view that takes long is shown less often than its clients asked. Its last state is always
    shown.
    """

    def __init__(self, max_busy: float = MAX_BUSY) -> None:
        self._max_busy = max_busy
        self.views = 0
        """The number of views."""

    def pause_after(self, spent: float, interval: float) -> float:
        """Return the seconds that a view must wait before it is shown again.

        Args:
            spent: Seconds that a showing takes.
            interval: Least seconds between two showings, as its clients chose.
        """
        return max(interval, spent * max(1, self.views) / self._max_busy - spent)


class ViewTimer:
    """Shows one view after changes, at once or when the pause after the last showing is over.

    Args:
        interval: Least seconds between two showings, as the view's clients chose.
        pace: Limits the time that all views take.
        show: Shows the changes; returns whether there was anything to show.
    """

    def __init__(self, interval: float, pace: ViewPace, show: Callable[[], bool]) -> None:
        self._interval = interval
        self._pace = pace
        self._show = show
        self._next_at = 0.0
        self._seconds = FIRST_SECONDS
        self._handle: asyncio.TimerHandle | None = None
        pace.views += 1

    def show_when_due(self) -> None:
        """Show the view now, or as soon as the pause is over."""
        wait = self._next_at - monotonic()
        if wait <= 0:
            self._show_now()
        elif self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(wait, self._show_now)

    def close(self) -> None:
        """Stop showing the view."""
        if self._handle is not None:
            self._handle.cancel()
        self._pace.views -= 1

    def _show_now(self) -> None:
        self._handle = None
        # CPU time, because time that other processes used the core must not count.
        begun = thread_time()
        was_shown = self._show()
        self._seconds = estimate_seconds(thread_time() - begun, self._seconds)
        interval = self._interval if was_shown else 0.0
        self._next_at = monotonic() + self._pace.pause_after(self._seconds, interval)
