"""The lag of a feed: the age of frames when they are read, as far as it can be known.

Venues queue for a slow reader and drop nothing (Kraken was seen to queue for 26 s), so an old frame
looks new. The venue's clock and ours need not agree, so the time from a frame's timestamp to its
reading is not its age. But this time, the *distance*, grows while frames wait. Its growth is the
lag. The rest, the *distance without lag*, is due to the clocks and the network.

The venue's clock may also be wrong, or be set. These rules distinguish a step of a clock from lag:

- Lag cannot be negative. If a distance is less than the distance without lag, the symbol's clock
  has stepped forward, or was ahead from the start.
- Lag grows by at most one second a second, because frames keep their order. If a distance grows
  faster, the symbol's clock has stepped back.
- The answer to a request was sent after the request. When it is read, the lag is at most the round
  trip, which our own clock measures.
- Timestamps advance while frames arrive. If a symbol's timestamps do not, its clock stands still.

After a step, the symbol's distance without lag is measured again, and the lag stays the same. The
lag is the median of the last samples; if they are of several symbols, only the newest of each
counts. So no single frame or symbol decides. A symbol's distance is compared with its earlier
distance on the same connection, and a new symbol's distance with the connection's median.

A connection keeps its distance without lag for the next connection of the same name. The next one
uses it only if its first answer to a request was so late that frames may have waited from the
start.

These rules do not find everything:

- A step looks like lag, and costs one connection, if the symbol was silent for longer than the step
  is wide. So does a clock that runs too slowly, if its symbol is the only one of the connection.
- Lag is not found if frames wait from the start of the very first connection. On later connections
  it is not found if they wait from the start but answers come at once.
- Lag that grows by less than `DRIFT_PER_SECOND` is taken for a drift of the clocks, which is some
  seconds a day.
"""

from __future__ import annotations

from collections import deque
from math import inf
from statistics import median_low
from typing import NamedTuple

from collector.feed.timestamp import Timestamp
from collector.metrics import FEED_LAG
from kraken_book.timestamps import parse_rfc3339

# Seconds. Frames with more lag confirm no book. It is half of API_MAX_AGE's default.
MAX_LAG = 5.0
# Parsing timestamps is expensive, and lag grows slowly: one sample in 50 ms is enough.
SAMPLE_INTERVAL_NS = 50_000_000
# The lag is the median of the last samples: at least MIN_SAMPLES, at most MAX_SAMPLES.
MAX_SAMPLES = 9
MIN_SAMPLES = 5
# The number of newest samples that show how much lag is possible.
BOUNDING_SAMPLES = 3
# Several machines may write the timestamps, so they can differ by this much without a step.
JITTER_NS = 1_000_000_000
# If an answer takes longer, frames may have waited from the start of the connection.
PROMPT_ANSWER_SECONDS = 1.0
# Growth of the distance without lag that is allowed for drifting clocks: 0.3 s in five minutes.
DRIFT_PER_SECOND = 0.001
# Seconds after which the distance of an earlier connection is not used any more.
MEMORY_DURATION = 600.0
# Seconds. Venues send heartbeats more often than this.
SILENCE_TIMEOUT = 10.0


class FeedLagging(Exception):
    """Frames are too old to confirm a book when they are read."""

    reason = "lag"


class FeedSilent(Exception):
    """Nothing arrives any more, not even a heartbeat."""

    reason = "silent"


class Watchdog:
    """Raises an error if a connection is silent, or if this process was suspended.

    After a suspension, the frames that waited in the socket are read so fast that their timestamps
    would show the lag too late.

    Args:
        silence: Seconds without a frame after which the connection is silent.
        standstill: Seconds without a call of `tick` that show that the process was suspended.

    Attributes:
        last_frame_at: Time at which the newest frame was read, or the connection began.
    """

    def __init__(self, silence: float = SILENCE_TIMEOUT, standstill: float = MAX_LAG) -> None:
        self.last_frame_at = self._ticked_at = Timestamp(0, 0)
        self._silence = silence
        self._standstill = standstill

    def begin(self, now: Timestamp) -> None:
        """Start to watch a new connection."""
        self.last_frame_at = self._ticked_at = now

    def on_frames(self, read_at: Timestamp) -> None:
        """Record that frames were read. A FeedLagging is raised if this process was suspended."""
        self.last_frame_at = read_at
        self._require_no_standstill(read_at)

    def tick(self, now: Timestamp) -> None:
        """Check the connection and the process; call this about once a second.

        A FeedLagging is raised if this process was suspended.

        Raises:
            FeedSilent: No frame was read for too long.
        """
        self._require_no_standstill(now)
        self._ticked_at = now
        if now.steady - self.last_frame_at.steady >= self._silence * 1e9:
            raise FeedSilent(f"no frame for {self._silence:.0f} s")

    def _require_no_standstill(self, now: Timestamp) -> None:
        stood_still = (now.steady - self._ticked_at.steady) / 1e9
        if stood_still > self._standstill:
            raise FeedLagging(f"process was suspended for {stood_still:.1f} s")


class Distance(NamedTuple):
    """A distance from a symbol's clock to our steady clock, measured at `steady`."""

    nanoseconds: int
    steady: int

    def at(self, steady: int) -> int:
        """Return the distance at `steady`, with an allowance for drifting clocks."""
        return self.nanoseconds + int((steady - self.steady) * DRIFT_PER_SECOND)


class LagMemory:
    """The distance that a connection measured, for the next connection of its name."""

    def __init__(self) -> None:
        self._seen: Distance | None = None

    def keep(self, seen: Distance) -> None:
        """Store a distance without lag."""
        self._seen = seen

    def recall(self, steady: int) -> Distance | None:
        """Return the stored distance; None if it is missing or too old."""
        seen = self._seen
        if seen is None or steady - seen.steady > MEMORY_DURATION * 1e9:
            return None
        return Distance(seen.at(steady), steady)


class _Sample(NamedTuple):
    symbol: str
    steady: int
    lag: int
    distance: Distance


class FeedLag:
    """The lag of one connection.

    Args:
        memory: Has the distance without lag of the previous connection of the same name.

    Attributes:
        seconds: The lag that was measured last.
    """

    def __init__(self, memory: LagMemory) -> None:
        self.seconds = 0.0
        self._memory = memory
        self._sampled_at = 0
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._distances: dict[str, Distance] = {}
        # The venue's time of the newest sample, by symbol.
        self._last_times: dict[str, int] = {}
        # The round trip of the last answer, and the time at which the answer was read.
        self._round_trip = Distance(0, 0)
        self._is_answered = False
        # The previous connection's distance, if the first answer was late.
        self._recalled: Distance | None = None

    def on_answer(self, asked_at: int, read_at: int) -> None:
        """Limit the lag by the round trip of a request.

        Args:
            asked_at: Steady time of the request, in nanoseconds.
            read_at: Steady time at which its answer was read, in nanoseconds.
        """
        took = max(0, read_at - asked_at)
        self._round_trip = Distance(took, read_at)
        if not self._is_answered:
            self._is_answered = True
            if took > PROMPT_ANSWER_SECONDS * 1e9:
                self._recalled = self._memory.recall(read_at)

    def is_sample_due(self, read_at: Timestamp) -> bool:
        """Return whether the next update that was read at this time is a sample."""
        return read_at.steady - self._sampled_at >= SAMPLE_INTERVAL_NS

    def on_update(self, symbol: str, time: str | None, read_at: Timestamp) -> None:
        """Measure the lag by an update. A FeedLagging is raised if the lag is too large.

        Args:
            symbol: The symbol of the update.
            time: The venue's time of the update, if it has one.
            read_at: Time at which the update was read.
        """
        if time is None or not self.is_sample_due(read_at):
            return
        try:
            event_time = parse_rfc3339(time)
        except ValueError:
            return
        if event_time == self._last_times.get(symbol):
            # The symbol's clock stands still.
            return
        self._last_times[symbol] = event_time
        self._sampled_at = read_at.steady
        # Our steady clock never steps, so a step is one of the venue's clock.
        self._samples.append(self._sample(symbol, read_at.steady - event_time, read_at.steady))
        if len(self._samples) >= MIN_SAMPLES:
            self._update_lag()

    def most_seconds(self, steady: int) -> float:
        """Return the most seconds that unread frames can have waited; infinity if unknown.

        Args:
            steady: The current steady time, in nanoseconds.
        """
        newest = list(self._samples)[-BOUNDING_SAMPLES:]
        return min((sample.lag + steady - sample.steady for sample in newest), default=inf) / 1e9

    def _sample(self, symbol: str, distance: int, steady: int) -> _Sample:
        without_lag = self._without_lag(symbol, steady)
        lag = int(self.seconds * 1e9)
        if without_lag is not None:
            seen = distance - without_lag
            if -JITTER_NS <= seen <= self._most_lag(steady) + JITTER_NS:
                lag = max(0, seen)
            # Otherwise the symbol's clock has stepped, and the lag stays the same.
        known = self._distances[symbol] = Distance(distance - lag, steady)
        return _Sample(symbol, steady, lag, known)

    def _without_lag(self, symbol: str, steady: int) -> int | None:
        """Return the symbol's distance without lag, or the connection's for a new symbol."""
        known = self._distances.get(symbol)
        if known is not None:
            return known.at(steady)
        if self._samples:
            return median_low(sample.distance.at(steady) for sample in self._samples)
        return self._recalled.at(steady) if self._recalled else None

    def _most_lag(self, steady: int) -> int:
        """Return the largest possible lag: it grew by at most one second a second."""
        newest = list(self._samples)[-BOUNDING_SAMPLES:]
        grown = [sample.lag + steady - sample.steady for sample in newest]
        bounds = [median_low(grown)] if grown else []
        if self._is_answered:
            bounds.append(self._round_trip.nanoseconds + steady - self._round_trip.steady)
        return min(bounds, default=0)

    def _update_lag(self) -> None:
        """Measure the lag by the samples, and raise FeedLagging if it is too large."""
        by_symbol = {sample.symbol: sample.lag for sample in self._samples}
        several = len(by_symbol) > 1
        lag = median_low(
            by_symbol.values() if several else [sample.lag for sample in self._samples]
        )
        self.seconds = lag / 1e9
        FEED_LAG.observe(self.seconds)
        self._remember()
        if self.seconds > MAX_LAG:
            raise FeedLagging(f"frames are {self.seconds:.1f} s old when they are read")

    def _remember(self) -> None:
        steady = self._samples[-1].steady
        usual = median_low(sample.distance.at(steady) for sample in self._samples)
        self._memory.keep(Distance(usual, steady))
