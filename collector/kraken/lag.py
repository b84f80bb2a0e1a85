"""How far what is read lies behind what happened, as far as the frames themselves tell.

Kraken queues for a slow reader and drops nothing (26 s were seen), so an old frame looks new. Its
time and ours need not agree; but the distance between a frame's time and its reading grows only
where frames wait.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low

from collector.metrics import FEED_LAG
from collector.stamp import Stamp
from kraken_book.times import parse_rfc3339

# Books that are older than they look are not known any more; readers take 10 s for too old.
MOST_LAG_SECONDS = 5.0
# Lag grows slowly: to look at one update in so long is enough, and to parse its time costs.
LOOK_NANOSECONDS = 50_000_000
# No frame decides alone, nor do those of one symbol where there are more: a time may be senseless,
# and no checksum tells.
LOOKS = 9
ENOUGH_LOOKS = 5
ENOUGH_SYMBOLS = 3
# Half of how long the least distance is remembered.
REMEMBERED_SECONDS = 300.0


class LeastDistance:
    """The least distance from Kraken's times to our steady clock, of the last minutes.

    All connections of a process share it: a new one whose frames wait from the start is found out
    too. It forgets, since clocks drift apart by seconds a day; what has lagged for so long and does
    so still cannot be told from that.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        self._now: int | None = None
        self._since = 0

    def see(self, distance: int, steady: int) -> int:
        """Take a distance, in nanoseconds, that was seen at `steady`; returns the least."""
        if self._now is None or steady - self._since > REMEMBERED_SECONDS * 1e9:
            self._before, self._now, self._since = self._now, distance, steady
        self._now = min(self._now, distance)
        return self._now if self._before is None else min(self._before, self._now)

    def forget(self) -> None:
        """What is sent from now on has times of another beginning."""
        self._before = self._now = None


class FeedLagging(Exception):
    """What is read is so old that it cannot be said to be now."""


class FeedLag:
    """The lag of one connection, in `seconds`: its distance of late less the least there was."""

    def __init__(self, least: LeastDistance) -> None:
        self.seconds = 0.0
        self._least = least
        self._looked_at = 0
        self._looks: deque[tuple[str, int]] = deque(maxlen=LOOKS)

    def on_update(self, symbol: str, time: str | None, read: Stamp) -> None:
        """An update with this exchange time was read; raises FeedLagging where lag is too large."""
        if time is None or read.steady - self._looked_at < LOOK_NANOSECONDS:
            return
        try:
            # By our steady clock, which nobody sets.
            self._looks.append((symbol, read.steady - parse_rfc3339(time)))
        except ValueError:
            return
        self._looked_at = read.steady
        if len(self._looks) >= ENOUGH_LOOKS:
            self._judge(read)

    def restart(self) -> None:
        """What is sent from now on has times of another beginning: a recording's, say."""
        self._least.forget()
        self._looks.clear()
        self.seconds = 0.0

    def _judge(self, read: Stamp) -> None:
        distance = self._usual_distance()
        self.seconds = (distance - self._least.see(distance, read.steady)) / 1e9
        FEED_LAG.observe(self.seconds)
        if self.seconds > MOST_LAG_SECONDS:
            raise FeedLagging(f"what is read is {self.seconds:.1f} s old")

    def _usual_distance(self) -> int:
        by_symbol = dict(self._looks)
        several = len(by_symbol) >= ENOUGH_SYMBOLS
        return median_low(by_symbol.values() if several else [each for _, each in self._looks])
