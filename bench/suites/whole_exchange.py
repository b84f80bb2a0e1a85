"""The whole exchange on one collector: 1,100 symbols, 5,000 updates/s, ten bursts of 50,000.

Real processes: a Redis, a collector, and the tape in this process. It measures the lag of an update
from its exchange time to its entry in Redis. Every update of the tape must become an event, each
book must verify, and the last one must be the tape's. The suite fails if an update is missing or
wrong, or if the lag is not below 100 ms again two seconds after a burst.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load.live_collector import live_collector
from bench.load.tape import Rate, Tape
from bench.report.goals import LAG_AFTER_BURST
from bench.report.rows import Row
from bench.suite import Progress, share_of
from kraken_book.timestamps import parse_rfc3339
from lab.stage import Stage
from lab.stored_books import StoredBooks
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.server import Simulator

GOOD_LAG_SECONDS = 0.1
# The next burst may delay the updates just before it.
HELD_UP_SECONDS = 0.5
SECONDS_TO_RECOVER = 2.0
LIMIT_SECONDS = 120.0
COUNTS = ("resyncs", "conflated_events", "reconnects", "bad_frames", "write_refusals")


class WriteLag(NamedTuple):
    """The seconds from `due`, the exchange time of an update, to its entry in Redis."""

    due: float
    seconds: float


class ExchangeLoad(NamedTuple):
    """The number of books, and the rates of their updates."""

    symbols: int = 1100
    depth: int = 10
    rate: float = 5000.0
    """Updates per second."""
    burst: float = 10.0
    """The factor of a burst, which lasts a second."""
    calm: float = 3.0
    """Seconds between bursts."""
    bursts: int = 10


WHOLE = ExchangeLoad()
DEEP = ExchangeLoad(symbols=20, depth=1000, rate=1000.0, burst=5.0, calm=4.0, bursts=1)


def measure(scale: float, progress: Progress, exchange: ExchangeLoad = WHOLE) -> Iterator[Row]:
    """Measure 1,100 books with bursts."""
    rate = max(100.0, exchange.rate * min(1.0, scale))
    calm = Rate(rate, max(1.0, exchange.calm * min(1.0, scale)))
    rates = [calm, *[Rate(rate * exchange.burst, 1.0), calm] * exchange.bursts]
    progress.expect(3)
    progress("preparing updates")
    symbols = share_of(exchange.symbols, scale)
    tape = Tape([f"C{n:04d}/USD" for n in range(symbols)], rates, depth=exchange.depth)
    progress(f"playing {len(tape.updates):,} updates")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        rows, stored = asyncio.run(play(tape, stage, rates))
        yield from rows
        progress("reading all streams")
        lags, wrong = read_back(tape, stored)
        stored.close()
    yield from lag_rows(lags, rates)
    yield Row(
        what="updates that are missing or wrong", ours=len(wrong), failed="; ".join(wrong[:3])
    )


def measure_deep(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure 20 books of depth 1,000."""
    return measure(scale, progress, DEEP)


async def play(tape: Tape, stage: Stage, rates: Sequence[Rate]) -> tuple[list[Row], StoredBooks]:
    """Play the tape to a collector; return its CPU, and its events."""
    redis = stage.redis()
    async with Simulator(SimulatedKraken(tape)) as simulator:
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
        stored = StoredBooks(redis.url)
        await asyncio.to_thread(wait_for_all, tape, stored)
        busy = collector.cpu_seconds() - busy_before
        counts = {name: collector.metric(f"kraken_book_{name}_total") for name in COUNTS}
    rows = [
        Row(what="collector: CPU per update", ours=busy / len(tape.updates) * 1e6, unit="us"),
        Row(what="longest delay of the tape", ours=tape.latest * 1e3, unit="ms", is_detail=True),
    ]
    rows += [Row(what=name, ours=count, is_detail=True) for name, count in counts.items()]
    return rows, stored


def wait_for_all(tape: Tape, stored: StoredBooks) -> None:
    """Wait until every book is the tape's last, at most LIMIT_SECONDS."""
    deadline = time.monotonic() + LIMIT_SECONDS
    left = dict(tape.books)
    while left and time.monotonic() < deadline:
        symbol, check = next(iter(left.items()))
        if stored.book(symbol).get("checksum") == str(check):
            del left[symbol]
        else:
            time.sleep(0.05)


def read_back(tape: Tape, stored: StoredBooks) -> tuple[list[WriteLag], list[str]]:
    """Return the lag of each update by its entry, and a list of errors."""
    lags, wrong = [], []
    expected: dict[str, int] = defaultdict(int)
    for update in tape.updates:
        expected[update.symbol] += 1
    for symbol, check in tape.books.items():
        ladder = stored.ladder(symbol)
        if ladder.checksum != check:
            wrong.append(f"the last book of {symbol} is not the tape's")
        found = ladder.counts.updates + ladder.counts.conflated
        if found != expected[symbol]:
            wrong.append(f"{symbol} has {found} of {expected[symbol]} updates")
        for entry_id, fields in stored.entries(symbol):
            if fields["kind"] == "update":
                lags.append(lag_of(entry_id, fields["data"], tape.started_at))
    return lags, wrong


def lag_of(entry_id: str, data: str, started_at: float) -> WriteLag:
    """Return the lag from the exchange time of an entry to its id."""
    written = int(entry_id.partition("-")[0]) / 1e3
    # Not decoded as JSON, because there are hundreds of thousands of events.
    text = data[data.index('"exchange_time":"') + 17 :][:27]
    sent = parse_rfc3339(text) / 1e9
    return WriteLag(sent - started_at, written - sent)


def lag_back(lags: list[WriteLag], rates: Sequence[Rate]) -> Iterator[tuple[float, float]]:
    """Yield the end of each burst, and the seconds after it until the lag was below 100 ms."""
    end = 0.0
    for rate, following in zip(rates, [*rates[1:], None], strict=True):
        end += rate.seconds
        if following is None or following.updates >= rate.updates:
            continue
        late = [lag.due - end for lag in lags if lag.due > end and lag.seconds > GOOD_LAG_SECONDS]
        late = [seconds for seconds in late if seconds < following.seconds - HELD_UP_SECONDS]
        yield end, max(late, default=0.0)


def lag_rows(lags: list[WriteLag], rates: Sequence[Rate]) -> Iterator[Row]:
    """Yield the time after the bursts until the lag was back, and the lag of each second."""
    backs = dict(lag_back(lags, rates))
    if backs:
        longest = max(backs.values())
        in_time = sum(LAG_AFTER_BURST.is_met(back) for back in backs.values())
        yield Row(
            what=f"lag back under 100 ms after {len(backs)} bursts, the longest",
            ours=longest,
            unit="s",
            goal=LAG_AFTER_BURST,
            note=f"{in_time} of {len(backs)} in time, median {median(backs.values()):.2f} s",
            failed=f"later than {SECONDS_TO_RECOVER:g} s" if longest > SECONDS_TO_RECOVER else "",
        )
    for end, back in backs.items():
        what = f"lag back after the burst that ended at {end:.0f} s"
        yield Row(what=what, ours=back, unit="s", is_detail=True)
    seconds: dict[int, list[float]] = defaultdict(list)
    for lag in lags:
        seconds[int(lag.due)].append(lag.seconds)
    longest = max((lag.seconds for lag in lags), default=0.0)
    yield Row(what="longest lag", ours=longest * 1e3, unit="ms")
    for second, found in sorted(seconds.items()):
        yield Row(
            what=f"lag in second {second}: median",
            ours=median(found) * 1e3,
            unit="ms",
            beside="longest",
            theirs=max(found) * 1e3,
            note=f"{len(found):,} updates",
            is_detail=True,
        )
