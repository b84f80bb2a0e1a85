"""All goals of the benchmarks.

A goal without a unit bounds a ratio: our figure divided by the peer's or the limit's in the same
run. Only these goals decide whether a run is good. The others depend on the machine, and are only
printed.
"""

from __future__ import annotations

from bench.report.rows import Goal

CORE = Goal("under", 5, "us")
START = Goal("under", 0.45, "s")

INGEST_BESIDE_CRYPTOFEED = Goal("at least", 5)
INGEST_OF_LIMIT = Goal("at least", 1 / 3)

FAN_OUT_RATE = Goal("at least", 1_000_000, "events/s")
FAN_OUT_P99 = Goal("under", 100, "ms")
FAN_OUT_BESIDE = {"nchan": Goal("at least", 5), "sse-starlette": Goal("at least", 15)}
"""By peer: our rate of events divided by the peer's."""

AT_EASE_BESIDE_NCHAN = Goal("at most", 1.5)
END_TO_END_BESIDE_BARE_PATH = Goal("at most", 1.5)

IDLE_STREAM = Goal("under", 40, "kB")
SLOW_STREAM = Goal("under", 160, "kB")

DEPTH_OF_CONSTANT = {200: Goal("at least", 0.60), 304: Goal("at least", 0.85)}
"""By status: our responses per second divided by those of a server with a constant response."""

STALL = Goal("under", 50, "ms")
