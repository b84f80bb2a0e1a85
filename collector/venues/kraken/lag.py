"""How far what is read lies behind what happened, as far as the frames themselves tell.

Kraken queues for a slow reader and drops nothing (26 s were seen), so an old frame looks new. Its
time and ours need not agree. But the *distance* from a frame's time to its reading grows while
frames wait, and that growth is the lag.

A foreign clock may also be wrong, or be set. What tells a step of a clock from lag:

- Lag cannot be negative. If a distance falls below what it would be without lag, its symbol's clock
  was ahead all along, or has stepped forward.
- Lag grows by at most one second a second, because frames keep their order. If a distance grows
  faster than the time that passed since the looks before it, time went backwards: a clock stepped.
- The answer to a request was sent after the request. At its reading the lag is at most the time
  that the answer took, by our own clock.
- While frames come, their times go on. If a symbol's do not, its clock stands still.

After a step the symbol's distance is measured again, and the lag stays as it was. No frame decides
alone, nor does one symbol if there are more: the lag is the median of the last looks. Each symbol's
times are compared with themselves, and each connection's with its own; what one connection has seen
passes to the next of the same name, and only if its first answers came so late that frames may have
waited from the start.

What this gives up: a step while a symbol is silent for longer than the step is wide cannot be told
from lag, and costs one connection; frames that wait from the start of the first connection of all,
or although answers come at once, are not found out; nor is lag that grows by less than
`FORGOTTEN_PER_SECOND`, since clocks drift apart by seconds a day. The clock of a connection's only
symbol that goes on, but more slowly than time, looks like lag.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low
from typing import NamedTuple

from collector.feed.timestamp import Timestamp
from collector.metrics import FEED_LAG
from kraken_book.timestamps import parse_rfc3339

# Books that are older than they look are not known any more; readers take 10 s for too old.
MOST_LAG_SECONDS = 5.0
# Lag grows slowly: to look at one update in so long is enough, and to parse its time costs.
LOOK_NANOSECONDS = 50_000_000
LOOKS = 9
ENOUGH_LOOKS = 5
LOOKS_THAT_BOUND = 3
# What times may jump to and fro without a step: several machines may write them.
JITTER_NANOSECONDS = 1_000_000_000
# Answers that take longer may have waited, as all other frames then do.
PROMPT_SECONDS = 1.0
# How fast the distance without lag may grow, as clocks drift: by 0.3 s in five minutes.
FORGOTTEN_PER_SECOND = 0.001
# What a connection saw is worth nothing to one that begins so much later.
REMEMBERED_SECONDS = 600.0


class FeedLagging(Exception):
    """Frames are too old when they are read to confirm a book."""

    reason = "lag"


class Distance(NamedTuple):
    """From a symbol's times to our steady clock without lag, in nanoseconds; seen at `steady`."""

    nanoseconds: int
    steady: int

    def at(self, steady: int) -> int:
        """Return what it may be by now, as clocks drift."""
        return self.nanoseconds + int((steady - self.steady) * FORGOTTEN_PER_SECOND)


class LagMemory:
    """Distances that the last connection of one name saw, for the next one."""

    def __init__(self) -> None:
        self._seen: Distance | None = None

    def keep(self, seen: Distance) -> None:
        """Remember a distance without lag."""
        self._seen = seen

    def recall(self, steady: int) -> Distance | None:
        """Return what was seen, unless it is too old."""
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

    def on_answer(self, asked: int, read: int) -> None:
        """Take note that what was asked at `asked` was answered by a frame read at `read`."""
        took = max(0, read - asked)
        self._answered = Distance(took, read)
        if not self._is_answered:
            self._is_answered = True
            if took > PROMPT_SECONDS * 1e9:
                self._recalled = self._memory.recall(read)

    def on_update(self, symbol: str, time: str | None, read: Timestamp) -> None:
        """Look at an update of this exchange time; raises FeedLagging if the lag is too large."""
        if time is None or read.steady - self._looked_at < LOOK_NANOSECONDS:
            return
        try:
            happened = parse_rfc3339(time)
        except ValueError:
            return
        if happened == self._happened.get(symbol):
            # Its clock stands still.
            return
        self._happened[symbol] = happened
        self._looked_at = read.steady
        # By the steady clock, which never steps.
        self._looks.append(self._look(symbol, read.steady - happened, read.steady))
        if len(self._looks) >= ENOUGH_LOOKS:
            self._judge()

    def _look(self, symbol: str, distance: int, steady: int) -> _Look:
        without_lag = self._without_lag(symbol, steady)
        lag = int(self.seconds * 1e9)
        if without_lag is not None:
            seen = distance - without_lag
            if -JITTER_NANOSECONDS <= seen <= self._most_lag(steady) + JITTER_NANOSECONDS:
                lag = max(0, seen)
            # Else a clock has stepped: of lag this look tells nothing.
        known = self._distances[symbol] = Distance(distance - lag, steady)
        return _Look(symbol, steady, lag, known)

    def _without_lag(self, symbol: str, steady: int) -> int | None:
        """Return the symbol's distance without lag; of a new symbol, the connection's."""
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
        if self.seconds > MOST_LAG_SECONDS:
            raise FeedLagging(f"what is read is {self.seconds:.1f} s old")

    def _remember(self) -> None:
        steady = self._looks[-1].steady
        usual = median_low(look.distance.at(steady) for look in self._looks)
        self._memory.keep(Distance(usual, steady))
