"""The delay of events to good readers while one client sends all that it can.

Real processes: a Redis, the simulator, a collector, and an api, first without limits, then with
those that docs/limits.md recommends. 100 readers of a busy book read every event. Then one client
with another address floods the api: pipelined `/metrics` and `/depth`, `/books`, streams that are
opened and left, and resumes from far back. The suite fails if a good reader misses an event.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.load.hostile_client import hostile_client
from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.services import Api
from lab.sse.checking_crowd import CheckingCrowd
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SYMBOL = "BTC/USD"
BOOKS = 40
READERS = 100
MOVES_A_SECOND = 200.0
SECONDS = 6.0
# More than a ring keeps, so that resumes from the first event read Redis.
PAST_EVENTS = 5000
LIMITS = {
    "API_LIMIT_REQUESTS": "600",
    "API_LIMIT_STREAMS": "100",
    "API_LIMIT_SYMBOLS": "100",
    "API_LIMIT_VIEWS": "10",
    "API_LIMIT_RESUMES": "30",
}


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure the delays without the hostile client, with it, and with it and limits."""
    readers, seconds = share_of(READERS, scale), max(1.0, SECONDS * scale)
    names = ",".join([SYMBOL, *(f"C{number:02d}/USD" for number in range(BOOKS - 1))])
    progress.expect(4)
    progress("a busy book with a past")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        simulator = stage.simulator("--symbols", SYMBOL, "--rate", "5000")
        past = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL)
        stored = StoredBooks(redis.url)
        stage.undo(stored.close)
        stored.wait_for_seq(SYMBOL, PAST_EVENTS)
        past.kill()
        simulator.kill()
        calm = stage.simulator("--symbols", names, "--rate", str(MOVES_A_SECOND * 2))
        stage.collector(redis.url, calm.url, KRAKEN_SYMBOLS=names, LOG_LEVEL="warning")
        first_id = stored.first_id(SYMBOL)
        for name, limits in (("no limits", {}), ("limits", LIMITS)):
            api = stage.api(redis.url, LOG_LEVEL="error", **limits)
            api.wait_until_live(SYMBOL)
            with CheckingCrowd(api.url, SYMBOL, readers) as crowd:
                wait_until(lambda crowd=crowd: crowd.joined == readers, "all have joined")  # type: ignore[misc]
                if not limits:
                    progress("without the hostile client")
                    yield from watch("undisturbed", api, crowd, seconds)
                progress(f"with it, {name}")
                with hostile_client(api.port, SYMBOL, first_id):
                    time.sleep(1.0)
                    yield from watch(f"hostile client, {name}", api, crowd, seconds)
                wrong = crowd.wrong
            yield Row(
                what=f"{name}: events to the good readers",
                ours=crowd.events,
                failed=f"{len(wrong)} errors: {wrong[:3]}" if wrong else "",
            )
            api.kill()


def watch(what: str, api: Api, crowd: CheckingCrowd, seconds: float) -> Iterator[Row]:
    """Yield the delays of events to the good readers, and the api's CPU."""
    crowd.delays.clear()
    cpu, begun = api.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    share = (api.cpu_seconds() - cpu) / (time.monotonic() - begun)
    delays = sorted(crowd.delays) or [0.0]
    yield Row(what=f"{what}: delay p50", ours=median(delays) * 1e3, unit="ms")
    yield Row(what="  delay p99", ours=delays[len(delays) * 99 // 100] * 1e3, unit="ms")
    yield Row(what="  longest delay", ours=delays[-1] * 1e3, unit="ms", is_detail=True)
    yield Row(what="  CPU", ours=share * 100, unit="% of a core", is_detail=True)
