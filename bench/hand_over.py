"""How long a pair's readers wait when its leader is killed, and when it is asked to stop.

    python -m bench.hand_over

Real processes: a Redis, the simulator, two collectors of one shard with the default lease. Again
and again the leader is ended and started anew as the second; the time is from the signal to the
first event of the newer epoch, as Redis's clock has it in the entry's id. It ends with 1 where a
killed leader was not replaced within the lease and a second, or a stopped one within a second.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

from collector.settings import CollectorSettings
from lab.processes import Collector, Stage, Streams, eventually
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs

SYMBOL = "BTC/USD"
LEASE_SECONDS: float = CollectorSettings.model_fields["collector_lease"].default
LIMITS = {signal.SIGKILL: LEASE_SECONDS + 1.0, signal.SIGTERM: 1.0}


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="How fast a second collector takes over.")
    parser.add_argument("--times", type=int, default=5, help="how often for each signal")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        worst = {number: measure(stage, number, options.times) for number in LIMITS}
    return int(any(worst[number] > limit for number, limit in LIMITS.items()))


def measure(stage: Stage, number: signal.Signals, times: int) -> float:
    """End a leader so many times; the longest time in seconds that nobody led."""
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "300")
    leader, second = (
        stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, LOG_LEVEL="warning")
        for _ in range(2)
    )
    streams = Streams(redis.url)
    stage.undo(streams.close)
    waits = []
    for _ in range(times):
        for collector in (leader, second):
            collector.wait_until_live(1)
        if not leads(leader):
            leader, second = second, leader
        eventually(partial(leads, leader), "the other one leads")
        waits.append(wait_for_next(leader, streams, number))
        leader.restart()
        leader, second = second, leader
    shown = ", ".join(f"{seconds:.2f}" for seconds in sorted(waits))
    print(f"{number.name}: {shown} s; median {median(waits):.2f}, limit {LIMITS[number]:.0f} s")
    return max(waits)


def leads(collector: Collector) -> bool:
    """Whether it publishes."""
    return collector.metric("kraken_book_leading") == 1


def wait_for_next(leader: Collector, streams: Streams, number: signal.Signals) -> float:
    """From the signal to the first event of another epoch, in seconds."""
    streams.wait_for_seq(SYMBOL, streams.last_seq(SYMBOL) + 20)
    before = streams.events(SYMBOL)[-1]["epoch"]
    begun = time.time()
    leader.process.send_signal(number)
    leader.process.wait()

    def first_of_next() -> float | None:
        for event_id, fields in streams.entries(SYMBOL):
            if int(fields["epoch"]) > before:
                return int(event_id.partition("-")[0]) / 1000
        return None

    return eventually(first_of_next, "another leads", 30.0) - begun


if __name__ == "__main__":
    sys.exit(main())
