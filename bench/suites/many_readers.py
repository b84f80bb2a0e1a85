"""The cost of readers of many books for one api process, by view.

Real processes: a Redis, the simulator, a collector, an api; the readers only count. For each choice
of books and view it measures the events that reach the readers, the api's CPU and its memory. The
suite fails if a reader receives a `lagged` event.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.sse.counting import CountingReaders, StreamAddress
from lab.stage import Stage

SYMBOLS = 20
READERS = 300
MOVES_A_SECOND = 1000.0
SECONDS = 5.0
SETTLE_SECONDS = 2.0
CHOICES = (
    "/stream?symbols=*",
    "/stream?symbols=*&levels=5",
    "/stream?symbols=*&view=top",
    "/stream?symbols=*&view=top&interval=100ms",
)


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure each choice of books and view."""
    readers, seconds = share_of(READERS, scale), max(1.0, SECONDS * scale)
    names = ",".join(f"C{number:02d}/USD" for number in range(SYMBOLS))
    progress.expect(len(CHOICES))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--symbols", names, "--rate", str(MOVES_A_SECOND))
        collector = stage.collector(
            redis.url, simulator.url, KRAKEN_SYMBOLS="*", LOG_LEVEL="warning"
        )
        collector.wait_until_live(SYMBOLS)
        for path in CHOICES:
            progress(f"{readers:,} readers of {path}")
            yield from measure_choice(stage, redis.url, path, readers, seconds)


def measure_choice(
    stage: Stage, redis_url: str, path: str, readers: int, seconds: float
) -> Iterator[Row]:
    """Start an api, and measure readers of this path."""
    api = stage.api(redis_url, LOG_LEVEL="error")
    api.answers("/readyz")
    with CountingReaders([StreamAddress(api.port, path)] * readers) as crowd:
        sleep(SETTLE_SECONDS)
        cpu, begun, events = api.cpu_seconds(), monotonic(), events_of(crowd)
        sleep(seconds)
        cpu, took = api.cpu_seconds() - cpu, monotonic() - begun
        events = events_of(crowd) - events
        lagged = sum(each.lagged for each in crowd.counts())
        memory = api.memory()
    api.stop()
    yield Row(
        what=f"{readers:,} readers of {path}",
        ours=events / took,
        unit="events/s",
        failed=f"readers received {lagged:,} lagged events" if lagged else "",
    )
    yield Row(what="  the api's CPU", ours=cpu / took * 100, unit="% of a core")
    yield Row(what="  its memory", ours=memory / 1e6, unit="MB")


def events_of(crowd: CountingReaders) -> int:
    """Return the number of events with levels that all readers have received."""
    return sum(each.updates + each.snapshots for each in crowd.counts())
