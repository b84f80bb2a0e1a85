"""How old frames are when they are read, as far as they and our clock tell.

Venues queue for a slow reader and drop nothing (Kraken was seen to queue for 26 s), so an old frame
looks new. The venue's time and ours need not agree. But the *distance* from a frame's time to its
reading grows while frames wait, and that growth is the lag.

The venue's clock may also be wrong, or be set. These rules tell a step of a clock from lag:

- Lag cannot be negative. If a distance falls below its value without lag, its symbol's clock was
  ahead all along, or has stepped forward.
- Lag grows by at most one second a second, because frames keep their order. If a distance grows
  faster than the time that passed since the looks before it, time went backwards: a clock stepped.
- The answer to a request was sent after the request. When it is read, the lag is at most the time
  that the answer took, by our own clock.
- While frames come, their times go on. If a symbol's do not, its clock stands still.

After a step the symbol's distance is measured again, and the lag stays as it was. No frame decides
alone, nor does one symbol if there are more: the lag is the median of the last looks. Each symbol's
times are compared with themselves, and each connection's with its own. A connection's distance
passes to the next of the same name, but only if the first answers to that one came so late that
frames may have waited from the start.

These rules do not find everything. A step while a symbol is silent for longer than the step is wide
looks like lag, and costs one connection. Frames that wait from the start of the very first
connection, or although answers come at once, are not found. Nor is lag that grows by less than
`FORGOTTEN_PER_SECOND`, since clocks drift apart by seconds a day. If a connection's only symbol has
a clock that goes on, but more slowly than time, that looks like lag.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low
from typing import NamedTuple

from collector.feed.timestamp import Timestamp
from collector.metrics import FEED_LAG
from kraken_book.timestamps import parse_rfc3339

# Older frames confirm no book: readers take 10 s for too old.
MAX_LAG_SECONDS = 5.0
# Lag grows slowly: one look in 50 ms is enough, and parsing an update's time costs.
LOOK_NANOSECONDS = 50_000_000
LOOKS = 9
ENOUGH_LOOKS = 5
LOOKS_THAT_BOUND = 3
# Times may jump to and fro by so much without a step: several machines may write them.
JITTER_NANOSECONDS = 1_000_000_000
# Answers that take longer may have waited, as all other frames then do.
PROMPT_SECONDS = 1.0
# How fast the distance without lag may grow, as clocks drift: by 0.3 s in five minutes.
FORGOTTEN_PER_SECOND = 0.001
# A connection's distance is worth nothing to one that begins so much later.
REMEMBERED_SECONDS = 600.0
# Venues send heartbeats, if nothing else.
SILENCE_SECONDS = 10.0


class FeedLagging(Exception):
    """Frames are too old when they are read to confirm a book."""

    reason = "lag"


class FeedSilent(Exception):
    """Nothing comes any more, not even a heartbeat."""

    reason = "silent"


class Watchdog:
    """Raises if a connection is silent, or if this process was suspended.

    After a standstill, frames that waited in the socket are read so fast that their own times would
    tell too late.

    Args:
        silence: Seconds without a frame that are too many.
        standstill: Seconds without a tick that are too many; ticks come about once a second.

    Attributes:
        last_frame_at: When the newest frame was read, or when the connection began.
    """

    def __init__(
        self, silence: float = SILENCE_SECONDS, standstill: float = MAX_LAG_SECONDS
    ) -> None:
        self.last_frame_at = self._ticked_at = Timestamp(0, 0)
        self._silence = silence
        self._standstill = standstill

    def begin(self, now: Timestamp) -> None:
        """Note that a connection begins."""
        self.last_frame_at = self._ticked_at = now

    def on_frames(self, read_at: Timestamp) -> None:
        """Note that frames were read.

        Raises:
            FeedLagging: This process was suspended.
        """
        self.last_frame_at = read_at
        self._require_no_standstill(read_at)

    def tick(self, now: Timestamp) -> None:
        """Note that this process runs; call about once a second.

        Raises:
            FeedLagging: This process was suspended.
            FeedSilent: Nothing came for too long.
        """
        self._require_no_standstill(now)
        self._ticked_at = now
        if now.steady - self.last_frame_at.steady >= self._silence * 1e9:
            raise FeedSilent(f"nothing came for {self._silence:.0f} s")

    def _require_no_standstill(self, now: Timestamp) -> None:
        stood_still = (now.steady - self._ticked_at.steady) / 1e9
        if stood_still > self._standstill:
            raise FeedLagging(f"this process stood still for {stood_still:.1f} s")


class Distance(NamedTuple):
    """From a symbol's times to our steady clock without lag, in nanoseconds; seen at `steady`."""

    nanoseconds: int
    steady: int

    def at(self, steady: int) -> int:
        """Return the distance at `steady`, which may have grown as clocks drift."""
        return self.nanoseconds + int((steady - self.steady) * FORGOTTEN_PER_SECOND)


class LagMemory:
    """The distance that the last connection of one name measured, for the next one."""

    def __init__(self) -> None:
        self._seen: Distance | None = None

    def keep(self, seen: Distance) -> None:
        """Remember a distance without lag."""
        self._seen = seen

    def recall(self, steady: int) -> Distance | None:
        """Return the remembered distance, unless it is too old."""
        seen = self._seen
        if seen is None or steady - seen.steady > REMEMBERED_SECONDS * 1e9:
            return None
        return Distance(seen.at(steady), steady)


class _Look(NamedTuple):
    symbol: str
    steady: int
    lag: int
    distance: Distance


class FeedLag:
    """Lag of one connection, in `seconds`; times are steady nanoseconds."""

    def __init__(self, memory: LagMemory) -> None:
        self.seconds = 0.0
        self._memory = memory
        self._looked_at = 0
        self._looks: deque[_Look] = deque(maxlen=LOOKS)
        self._distances: dict[str, Distance] = {}
        self._happened: dict[str, int] = {}
        self._answered = Distance(0, 0)
        self._is_answered = False
        self._recalled: Distance | None = None

    def on_answer(self, asked_at: int, read_at: int) -> None:
        """Note that a request of `asked_at` was answered by a frame that was read at `read_at`."""
        took = max(0, read_at - asked_at)
        self._answered = Distance(took, read_at)
        if not self._is_answered:
            self._is_answered = True
            if took > PROMPT_SECONDS * 1e9:
                self._recalled = self._memory.recall(read_at)

    def on_update(self, symbol: str, time: str | None, read_at: Timestamp) -> None:
        """Look at an update of this exchange time; raises FeedLagging if the lag is too large."""
        if time is None or read_at.steady - self._looked_at < LOOK_NANOSECONDS:
            return
        try:
            happened = parse_rfc3339(time)
        except ValueError:
            return
        if happened == self._happened.get(symbol):
            # Its clock stands still.
            return
        self._happened[symbol] = happened
        self._looked_at = read_at.steady
        # By the steady clock, which never steps.
        self._looks.append(self._look(symbol, read_at.steady - happened, read_at.steady))
        if len(self._looks) >= ENOUGH_LOOKS:
            self._judge()

    def _look(self, symbol: str, distance: int, steady: int) -> _Look:
        without_lag = self._without_lag(symbol, steady)
        lag = int(self.seconds * 1e9)
        if without_lag is not None:
            seen = distance - without_lag
            if -JITTER_NANOSECONDS <= seen <= self._most_lag(steady) + JITTER_NANOSECONDS:
                lag = max(0, seen)
            # Else a clock has stepped, and this look says nothing of lag.
        known = self._distances[symbol] = Distance(distance - lag, steady)
        return _Look(symbol, steady, lag, known)

    def _without_lag(self, symbol: str, steady: int) -> int | None:
        """Return the symbol's distance without lag; for a new symbol, the connection's."""
        known = self._distances.get(symbol)
        if known is not None:
            return known.at(steady)
        if self._looks:
            return median_low(look.distance.at(steady) for look in self._looks)
        return self._recalled.at(steady) if self._recalled else None

    def _most_lag(self, steady: int) -> int:
        """Return how large the lag can be, since it grows by at most a second a second."""
        newest = list(self._looks)[-LOOKS_THAT_BOUND:]
        most = [look.lag + steady - look.steady for look in newest]
        bounds = [median_low(most)] if most else []
        if self._is_answered:
            bounds.append(self._answered.nanoseconds + steady - self._answered.steady)
        return min(bounds, default=0)

    def _judge(self) -> None:
        by_symbol = {look.symbol: look.lag for look in self._looks}
        several = len(by_symbol) > 1
        lag = median_low(by_symbol.values() if several else [look.lag for look in self._looks])
        self.seconds = lag / 1e9
        FEED_LAG.observe(self.seconds)
        self._remember()
        if self.seconds > MAX_LAG_SECONDS:
            raise FeedLagging(f"what is read is {self.seconds:.1f} s old")

    def _remember(self) -> None:
        steady = self._looks[-1].steady
        usual = median_low(look.distance.at(steady) for look in self._looks)
        self._memory.keep(Distance(usual, steady))
