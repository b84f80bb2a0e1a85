"""Show views less often if showing all of them takes more time than there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic, thread_time

# Reading, writing and the streams of events need the rest.
MAX_BUSY = 0.5
# What showing a view is believed to take before it was shown twice.
FIRST_SECONDS = 0.001


def believed_seconds(spent: float, before: float) -> float:
    """Return how long showing a view takes: as long as it took, but at most twice `before`.

    A single showing that was interrupted, by garbage collection or another process, must not stop
    a view for seconds; one that has more to show is believed after a few.

    Args:
        spent: How many seconds it took this time.
        before: What was believed before; FIRST_SECONDS at first.
    """
    return min(spent, 2 * max(before, FIRST_SECONDS))


class ViewPace:
    """Shares the time of the event loop among the views of a process.

    All views together take at most the part `max_busy` of it: one whose showing takes long is
    shown less often than it might be. Its last state always comes.
    """

    def __init__(self, max_busy: float = MAX_BUSY) -> None:
        self._max_busy = max_busy
        self.views = 0
        """The number of views."""

    def pause_after(self, spent: float, interval: float) -> float:
        """Return how many seconds a view is to wait that took `spent` seconds to show.

        Args:
            spent: How long the view took to be shown, in seconds.
            interval: The least time between two showings that its readers ask for, in seconds.
        """
        return max(interval, spent * max(1, self.views) / self._max_busy - spent)


class ViewTimer:
    """Shows one view: after a change at once, but not before the pause after the last time.

    Args:
        interval: The least time between two showings that the view's readers ask for, in seconds.
        pace: Shares the time of the event loop among all views.
        show: Shows what has changed; returns whether there was anything to show.
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
        """Show the view no more."""
        if self._handle is not None:
            self._handle.cancel()
        self._pace.views -= 1

    def _show_now(self) -> None:
        self._handle = None
        # The time of this thread: that other processes had the core is no reason to wait longer.
        begun = thread_time()
        was_shown = self._show()
        self._seconds = believed_seconds(thread_time() - begun, self._seconds)
        interval = self._interval if was_shown else 0.0
        self._next_at = monotonic() + self._pace.pause_after(self._seconds, interval)
