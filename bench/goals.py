"""What is to be reached, all of it: `make bench` holds each of these against what it finds.

Those without a unit are ratios, ours over the peer's or the limit's in the same run: by them alone
`make bench` is good or not. The others are printed with their verdict, and depend on the machine.
"""

from __future__ import annotations

from bench.rows import Goal

CORE = Goal("under", 5, "us")
START = Goal("under", 0.45, "s")

INGEST_BESIDE_CRYPTOFEED = Goal("at least", 5)
INGEST_OF_LIMIT = Goal("at least", 1 / 3)

FAN_OUT_RATE = Goal("at least", 1_000_000, "events/s")
FAN_OUT_P99 = Goal("under", 100, "ms")
FAN_OUT_BESIDE = {"nchan": Goal("at least", 5), "sse-starlette": Goal("at least", 15)}
"""So many times as much as the peer brings to its readers."""

AT_EASE_BESIDE_NCHAN = Goal("at most", 1.5)
END_TO_END_BESIDE_BARE_PATH = Goal("at most", 1.5)

IDLE_STREAM = Goal("under", 40, "kB")
SLOW_STREAM = Goal("under", 160, "kB")

DEPTH_OF_CONSTANT = {200: Goal("at least", 0.60), 304: Goal("at least", 0.85)}
"""By status: so much of the answers a second of a server that answers always the same."""

STALL = Goal("under", 50, "ms")
