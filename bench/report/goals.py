"""All goals of the benchmarks.

A goal without a unit bounds a ratio: our figure divided by the peer's or the limit's in the same
run. Only these goals decide whether a run is good. The others depend on the machine, and are only
printed.
"""

from __future__ import annotations

from bench.report.rows import Goal

CORE = Goal("under", 5, "us")
"""A frame in pure Python."""
CORE_BATCH = Goal("at most", 0.8, "us")
"""A frame of a batch in the compiled path."""
DEEP_BOOK = Goal("under", 10.0, "us")
"""A change of a book of 45,000 levels of a side."""
START = Goal("under", 0.45, "s")

INGEST_BESIDE_CRYPTOFEED = {
    1: Goal("at least", 8),
    20: Goal("at least", 8),
    200: Goal("at least", 5),
}
"""By number of symbols: the compiled path's rate divided by that of the better cryptofeed."""
INGEST_OF_LIMIT = {
    1: Goal("at least", 0.6),
    20: Goal("at least", 0.6),
    200: Goal("at least", 0.5),
}
"""By number of symbols: the compiled path's rate divided by the limit of the write script."""
INGEST_CPU = {
    1: Goal("at most", 5, "us"),
    20: Goal("at most", 6, "us"),
    200: Goal("at most", 9, "us"),
}
"""By number of symbols: the collector's CPU per update in a flood, compiled."""
LAG_AFTER_BURST = Goal("at most", 1, "s")
"""The whole exchange: the time after a ten-fold burst until the lag is below 100 ms again."""

FAN_OUT_RATE = Goal("at least", 2_000_000, "events/s")
FAN_OUT_P99 = Goal("under", 100, "ms")
FAN_OUT_BESIDE = {"nchan": Goal("at least", 5), "sse-starlette": Goal("at least", 15)}
"""By peer: our rate of events divided by the peer's."""

AT_EASE_BESIDE_NCHAN = Goal("at most", 1.5)
END_TO_END_BESIDE_BARE_PATH = {"p50": Goal("at most", 2), "p99": Goal("at most", 1.5)}
"""By percentile: the delay from a frame to a reader divided by that of the bare path."""

IDLE_STREAM = Goal("under", 40, "kB")
SLOW_STREAM = Goal("under", 160, "kB")

DEPTH_OF_CONSTANT = {200: Goal("at least", 0.60), 304: Goal("at least", 0.85)}
"""By status: our responses per second divided by those of a server with a constant response."""

PAGE_TASK = Goal("under", 50, "ms")
"""The CPU of the longest task of the page with 1,100 books."""
PAGE_HEAP = Goal("at most", 1.1)
"""The page's heap after half an hour divided by that after a minute."""

STALL = Goal("under", 50, "ms")
