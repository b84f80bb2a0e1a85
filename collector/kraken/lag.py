"""How far what is read lies behind what happened, as far as the frames themselves tell.

Kraken queues for a slow reader and drops nothing (26 s were seen), so an old frame looks new. Its
time and ours need not agree; but the distance between a frame's time and its reading grows only
where frames wait.
"""

from __future__ import annotations

from collector.metrics import FEED_LAG
from collector.stamp import Stamp
from kraken_book.times import parse_rfc3339

# Books that are older than they look are not known any more; readers take 10 s for too old.
MOST_LAG_SECONDS = 5.0
# Lag grows slowly: to look at one update in so long is enough, and to parse its time costs.
LOOK_SECONDS = 0.05


class FeedLag:
    """The lag of one connection, in `seconds`: its distance now less the least there was."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._least: int | None = None
        self._looked_at = 0

    @property
    def too_large(self) -> bool:
        """Whether the books can no longer be said to be Kraken's of now."""
        return self.seconds > MOST_LAG_SECONDS

    def on_update(self, time: str | None, read: Stamp) -> None:
        """An update with this exchange time was read."""
        if time is None or read.steady - self._looked_at < LOOK_SECONDS * 1e9:
            return
        try:
            # By our steady clock, which nobody sets.
            distance = read.steady - parse_rfc3339(time)
        except ValueError:
            return
        self._looked_at = read.steady
        if self._least is None or distance < self._least:
            self._least = distance
        self.seconds = (distance - self._least) / 1e9
        FEED_LAG.observe(self.seconds)

    def restart(self) -> None:
        """What is sent from now on has times of another beginning."""
        self._least = None
        self.seconds = 0.0
