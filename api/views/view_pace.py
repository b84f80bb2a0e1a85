"""Show views less often if showing all of them takes more time than there is."""

from __future__ import annotations

# Reading, writing and the streams of events need the rest.
MOST_BUSY = 0.5
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

    All views together take at most the part `most_busy` of it: one whose showing takes long is
    shown less often than it might be. Its last state always comes.
    """

    def __init__(self, most_busy: float = MOST_BUSY) -> None:
        self._most_busy = most_busy
        self.views = 0
        """Return the number of views."""

    def pause_after(self, spent: float, interval: float) -> float:
        """Return how many seconds a view is to wait that took `spent` seconds to show.

        Args:
            spent: How long the view took to be shown, in seconds.
            interval: The least time between two showings that its readers ask for, in seconds.
        """
        return max(interval, spent * max(1, self.views) / self._most_busy - spent)
