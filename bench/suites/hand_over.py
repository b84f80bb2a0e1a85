"""The time for which a book has no leader after its collector is killed or stopped.

Real processes: a Redis, the simulator, two collectors of one shard with the default lease. The
leader is ended, and started again as the standby, several times. The time is measured from the
signal to the first event of the newer epoch, by Redis's clock in the entry's id. The suite fails if
a killed leader is not replaced within the lease plus a second, or a stopped one within a second.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench.report.rows import Goal, Row
from bench.suite import Progress
from collector.settings import CollectorSettings
from lab.services import Collector
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_for, wait_until

SYMBOL = "BTC/USD"
TIMES = 5
LEASE_SECONDS: float = CollectorSettings.model_fields["collector_lease"].default
LIMITS = {signal.SIGKILL: LEASE_SECONDS + 1.0, signal.SIGTERM: 1.0}
WORDS = {signal.SIGKILL: "killed", signal.SIGTERM: "stopped"}


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """End the leader a few times with each signal."""
    times = max(1, round(TIMES * scale))
    progress.expect(len(LIMITS) * times)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        for number, limit in LIMITS.items():
            waits = end_leaders(stage, number, times, progress)
            what = f"leader {WORDS[number]}: until the next one's first event"
            yield Row(
                what=f"{what}, the longest",
                ours=max(waits),
                unit="s",
                goal=Goal("at most", limit, "s"),
                failed=f"longer than {limit:g} s" if max(waits) > limit else "",
            )
            yield Row(what=f"{what}, the median", ours=median(waits), unit="s", is_detail=True)


def end_leaders(
    stage: Stage, number: signal.Signals, times: int, progress: Progress
) -> list[float]:
    """End the leader several times; return the seconds without one each time."""
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "300")
    leader, second = (
        stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, LOG_LEVEL="warning")
        for _ in range(2)
    )
    stored = StoredBooks(redis.url)
    stage.undo(stored.close)
    waits = []
    for turn in range(times):
        progress(f"leader {WORDS[number]}, {turn + 1} of {times}")
        for collector in (leader, second):
            collector.wait_until_live(1)
        if not leads(leader):
            leader, second = second, leader
        wait_until(partial(leads, leader), "one collector leads")
        waits.append(wait_for_next(leader, stored, number))
        leader.restart()
        leader, second = second, leader
    return waits


def leads(collector: Collector) -> bool:
    """Return whether the collector publishes."""
    return collector.metric("kraken_book_leading") == 1


def wait_for_next(leader: Collector, stored: StoredBooks, number: signal.Signals) -> float:
    """Return the seconds from the signal to the first event of a newer epoch."""
    stored.wait_for_seq(SYMBOL, stored.last_seq(SYMBOL) + 20)
    before = stored.events(SYMBOL)[-1]["epoch"]
    begun = time.time()
    leader.process.send_signal(number)
    leader.process.wait()

    def first_of_next() -> float | None:
        for event_id, fields in stored.entries(SYMBOL):
            if int(fields["epoch"]) > before:
                return int(event_id.partition("-")[0]) / 1000
        return None

    return wait_for(first_of_next, "another collector leads", 30.0) - begun
