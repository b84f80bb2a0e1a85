"""The cost of many different views for one api process and for other readers.

Real processes: a Redis, the simulator, a collector, one api. 100 readers of all books connect, each
with a different interval, stay, and leave. It measures the api's memory before, with and after
them, and the delay of events to two other readers of every event, from the receipt of their frame.
The suite fails if one of those two misses an event, or if the api's memory exceeds MAX_MB.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from bench.report.rows import Goal, Row
from bench.suite import Progress, share_of
from lab.services import Api
from lab.sse.checking_crowd import CheckingCrowd
from lab.sse.counting import CountingReaders, StreamAddress
from lab.stage import Stage
from lab.waiting import wait_until

VIEWS = 100
BOOKS = 40
MOVES_A_SECOND = 300.0
SECONDS = 70.0
PART_SECONDS = 10.0
LOOK_INTERVAL = 0.5
MAX_MB = 450.0
SYMBOL = "C00/USD"


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure memory and delays before, with and after the views."""
    views, seconds = share_of(VIEWS, scale), max(2.0, SECONDS * scale)
    names = ",".join(f"C{number:02d}/USD" for number in range(BOOKS))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--symbols", names, "--rate", str(MOVES_A_SECOND))
        collector = stage.collector(
            redis.url, simulator.url, KRAKEN_SYMBOLS="*", LOG_LEVEL="warning"
        )
        collector.wait_until_live(BOOKS)
        api = stage.api(redis.url, LOG_LEVEL="error")
        api.answers("/readyz")
        with CheckingCrowd(api.url, "*", 1) as all_books, CheckingCrowd(api.url, SYMBOL, 1) as one:
            good = (all_books, one)
            wait_until(lambda: all(each.joined for each in good), "the two readers have joined")
            yield from with_views(api, good, views, seconds, progress)
            wrong = [*all_books.wrong, *one.wrong]
        yield Row(
            what="events that the two readers missed",
            ours=len(wrong),
            failed="; ".join(wrong[:3]),
        )


def with_views(
    api: Api, good: Sequence[CheckingCrowd], views: int, seconds: float, progress: Progress
) -> Iterator[Row]:
    """Let the readers of the views connect, stay and leave."""
    part = min(PART_SECONDS, seconds)
    parts = max(1, round(seconds / part))
    progress.expect(2 + parts)
    progress("two read every event")
    before, rows = watch("before the views", api, good, part)
    yield from rows
    paths = [f"/stream?symbols=*&interval={10 + number}ms" for number in range(views)]
    most = before
    with CountingReaders([StreamAddress(api.port, path) for path in paths]) as crowd:
        for number in range(parts):
            progress(f"{views:,} views, {number + 1} of {parts}")
            memory, rows = watch(f"{views:,} views, part {number + 1}", api, good, part)
            most = max(most, memory)
            yield from rows
        counts = crowd.counts()
    progress("the views have left")
    _, rows = watch("after the views", api, good, min(5.0, part))
    yield from rows
    yield Row(
        what=f"{views:,} views: the api's largest memory",
        ours=most,
        unit="MB",
        beside="before",
        theirs=before,
        goal=Goal("at most", MAX_MB, "MB"),
        failed=f"more than {MAX_MB:g} MB" if most > MAX_MB else "",
    )
    sent, lagged = sum(each.snapshots for each in counts), sum(each.lagged for each in counts)
    yield Row(what="events to the views", ours=sent, note=f"{lagged:,} lagged", is_detail=True)


def watch(
    what: str, api: Api, good: Sequence[CheckingCrowd], seconds: float
) -> tuple[float, list[Row]]:
    """Return the api's largest memory in MB, and rows for memory and delays."""
    for each in good:
        each.delays.clear()
    cpu, begun, most = api.cpu_seconds(), monotonic(), 0.0
    while monotonic() < begun + seconds:
        sleep(LOOK_INTERVAL)
        most = max(most, api.memory() / 1e6)
    share = (api.cpu_seconds() - cpu) / (monotonic() - begun)
    delays = sorted(delay for each in good for delay in each.delays) or [0.0]
    p99 = delays[len(delays) * 99 // 100]
    rows = [
        Row(what=f"{what}: memory", ours=most, unit="MB", is_detail=True),
        Row(what="  CPU", ours=share * 100, unit="% of a core", is_detail=True),
        Row(what="  delay p50", ours=median(delays) * 1e3, unit="ms", is_detail=True),
        Row(what="  delay p99", ours=p99 * 1e3, unit="ms", is_detail=True),
    ]
    return most, rows
