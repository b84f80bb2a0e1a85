"""The whole exchange on one collector: 1,100 symbols, 5,000 updates a second, bursts of 50,000.

    python -m bench.whole_exchange

Real processes: a Redis, a collector, and the tape in this one. Prints, second by second, how long
an update took from its exchange time to its entry in Redis, and checks that every update of the
tape became an event, that each book verifies, and that the last one is the tape's. It ends with 1
where one is missing or wrong, or where the lag is not back under 100 ms two seconds after a burst.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.command import prepare
from bench.live_collector import live_collector
from bench.tape import Rate, Tape
from kraken_book.timestamps import parse_rfc3339
from lab.processes import Stage, Streams
from simulator.server import Simulator

GOOD_LAG_SECONDS = 0.1
HELD_UP_SECONDS = 0.5
SECONDS_TO_RECOVER = 2.0
LIMIT_SECONDS = 120.0
BUCKET_SECONDS = 0.25
COUNTS = ("resyncs", "conflated_events", "reconnects", "bad_frames", "write_refusals")


class Lag(NamedTuple):
    """How long an update that was due at `due` took to Redis, in seconds."""

    due: float
    seconds: float


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="The whole exchange on one collector.")
    parser.add_argument("--symbols", type=int, default=1100)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--rate", type=float, default=5000.0, help="updates a second")
    parser.add_argument("--burst", type=float, default=10.0, help="times the rate, for a second")
    parser.add_argument("--calm", type=float, default=5.0, help="seconds between bursts")
    parser.add_argument("--bursts", type=int, default=2)
    options = parser.parse_args()
    prepare()
    calm, burst = Rate(options.rate, options.calm), Rate(options.rate * options.burst, 1.0)
    rates = [calm, *([burst, calm] * options.bursts)]
    begun = time.monotonic()
    tape = Tape([f"C{n:04d}/USD" for n in range(options.symbols)], rates, depth=options.depth)
    print(f"{len(tape.updates):,} updates made in {time.monotonic() - begun:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        return asyncio.run(measure(tape, stage, rates))


async def measure(tape: Tape, stage: Stage, rates: Sequence[Rate]) -> int:
    """Play the tape to a collector; returns what to exit with."""
    redis = stage.redis()
    async with Simulator(tape) as simulator:
        collector = await live_collector(
            stage,
            redis.url,
            simulator.url,
            len(tape.books),
            KRAKEN_DEPTH=str(tape.depth),
            STREAM_MAXLEN="1000000",
            STREAM_RETENTION="3600",
        )
        await asyncio.sleep(2)
        busy_before = collector.cpu_seconds()
        tape.start()
        await asyncio.sleep(1 + sum(rate.seconds for rate in rates) + 1)
        streams = Streams(redis.url)
        await asyncio.to_thread(wait_for_all, tape, streams)
        busy = collector.cpu_seconds() - busy_before
        counts = {name: collector.metric(f"kraken_book_{name}_total") for name in COUNTS}
    print(f"the tape was late by {tape.latest * 1000:.0f} ms at most")
    print(f"collector: {busy:.1f} s of CPU, {busy / len(tape.updates) * 1e6:.1f} us an update")
    lags, wrong = read_back(tape, streams)
    wrong += report(lags, rates)
    print(", ".join(f"{name} {count:.0f}" for name, count in counts.items()))
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


def wait_for_all(tape: Tape, streams: Streams) -> None:
    """Return once the book of every symbol is the tape's last."""
    deadline = time.monotonic() + LIMIT_SECONDS
    left = dict(tape.books)
    while left and time.monotonic() < deadline:
        symbol, check = next(iter(left.items()))
        if streams.book(symbol).get("checksum") == str(check):
            del left[symbol]
        else:
            time.sleep(0.05)


def read_back(tape: Tape, streams: Streams) -> tuple[list[Lag], list[str]]:
    """The lag of each update as its entry tells it, and what is missing or wrong."""
    lags, wrong = [], []
    expected: dict[str, int] = defaultdict(int)
    for update in tape.updates:
        expected[update.symbol] += 1
    for symbol, check in tape.books.items():
        ladder = streams.ladder(symbol)
        if ladder.checksum != check:
            wrong.append(f"the last book of {symbol} is not the tape's")
        found = ladder.counts.updates + ladder.counts.conflated
        if found != expected[symbol]:
            wrong.append(f"{symbol} has {found} of {expected[symbol]} updates")
        for entry_id, fields in streams.entries(symbol):
            if fields["kind"] == "update":
                lags.append(lag_of(entry_id, fields["data"], tape.started_at))
    return lags, wrong


def lag_of(entry_id: str, data: str, started_at: float) -> Lag:
    """What an entry's id and its exchange time say."""
    written = int(entry_id.partition("-")[0]) / 1e3
    # Without decoding the event: there are hundreds of thousands.
    text = data[data.index('"exchange_time":"') + 17 :][:27]
    sent = parse_rfc3339(text) / 1e9
    return Lag(sent - started_at, written - sent)


def report(lags: list[Lag], rates: Sequence[Rate]) -> Iterator[str]:
    """Print the lag along the time, and tell where it came back too late."""
    buckets: dict[int, list[float]] = defaultdict(list)
    for lag in lags:
        buckets[int(lag.due / BUCKET_SECONDS)].append(lag.seconds)
    print(f"{len(lags):,} events; lag from the exchange time to the entry in Redis, in ms:")
    print("    at s  updates     p50     max")
    for bucket, found in sorted(buckets.items()):
        at = bucket * BUCKET_SECONDS
        print(f"{at:8.2f} {len(found):8,} {median(found) * 1e3:7.1f} {max(found) * 1e3:7.1f}")
    end = 0.0
    for rate, following in zip(rates, [*rates[1:], None], strict=True):
        end += rate.seconds
        if following is None or following.updates >= rate.updates:
            continue
        late = [lag.due - end for lag in lags if lag.due > end and lag.seconds > GOOD_LAG_SECONDS]
        # What comes just before the next burst is held up by that one.
        late = [seconds for seconds in late if seconds < following.seconds - HELD_UP_SECONDS]
        back = max(late, default=0.0)
        print(f"burst that ended at {end:.0f} s: lag back under 100 ms after {back:.2f} s")
        if back > SECONDS_TO_RECOVER:
            yield f"the lag came back only {back:.2f} s after the burst that ended at {end:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
