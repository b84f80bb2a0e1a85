"""The cost of readers that do not read for one api process and for other readers.

Real processes: a Redis, the simulator, a collector, one api. 1,000 readers follow a book. Then 100
more request all of its past, and never read. It measures the api's memory before, with and after
them, and the delay of events to the readers that read, from the receipt of their frame. The suite
fails if one of these misses an event or is disconnected, or if a reader that does not read is not
disconnected.
"""

from __future__ import annotations

import re
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.ports import free_port
from lab.services import Api
from lab.sse.checking_crowd import CheckingCrowd
from lab.sse.frozen import frozen_readers
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SYMBOL = "BTC/USD"
READING = 1000
FROZEN = 100
MOVES_A_SECOND = 40.0
SECONDS = 8.0
PAST_EVENTS = 6000
WRITE_TIMEOUT = 10.0


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure memory and delays before, with and after the slow readers."""
    reading, frozen = share_of(READING, scale), share_of(FROZEN, scale)
    seconds = max(1.0, SECONDS * scale)
    progress.expect(4)
    progress(f"a book with a past of {PAST_EVENTS:,} events")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        api, first_id = open_book(stage)
        before = api.memory()
        yield Row(what="nobody reads: memory", ours=before / 1e6, unit="MB")
        progress(f"{reading:,} read")
        with CheckingCrowd(api.url, SYMBOL, reading) as crowd:
            wait_until(lambda: crowd.joined == reading, "all readers have joined")
            with_reading, rows = watch(f"{reading:,} read", api, crowd, seconds)
            yield from rows
            each = (with_reading - before) / reading / 1e3
            yield Row(what="  each of them", ours=each, unit="kB")
            progress(f"and {frozen:,} do not")
            with frozen_readers(api.url, SYMBOL, frozen, first_id):
                with_frozen, rows = watch(
                    f"and {frozen:,} do not", api, crowd, min(seconds, WRITE_TIMEOUT)
                )
                yield from rows
                each = (with_frozen - with_reading) / frozen / 1e3
                yield Row(what="  each of them", ours=each, unit="kB")
                wait_until(lambda: cut_off(api) == frozen, "all slow readers are disconnected")
            progress("they are disconnected")
            _, rows = watch("they are disconnected", api, crowd, seconds)
            yield from rows
            wrong = crowd.wrong
        yield Row(
            what="events to the other readers",
            ours=crowd.events,
            failed=f"{len(wrong)} errors: {wrong[:3]}" if wrong else "",
        )


def open_book(stage: Stage) -> tuple[Api, str]:
    """Return an api with a book that has a past and few updates, and the id of its first event."""
    redis = stage.redis()
    port = free_port()
    fast = stage.simulator("--symbols", SYMBOL, "--rate", "5000", port=port)
    stage.collector(redis.url, fast.url, KRAKEN_SYMBOLS=SYMBOL, LOG_LEVEL="warning")
    stored = StoredBooks(redis.url)
    stage.undo(stored.close)
    stored.wait_for_seq(SYMBOL, PAST_EVENTS)
    fast.stop()
    stage.simulator("--symbols", SYMBOL, "--rate", str(MOVES_A_SECOND), port=port)
    stored.wait_for_seq(SYMBOL, stored.last_seq(SYMBOL) + 10)
    api = stage.api(redis.url, API_WRITE_TIMEOUT=str(WRITE_TIMEOUT), LOG_LEVEL="error")
    api.wait_until_live(SYMBOL)
    return api, stored.first_id(SYMBOL)


def watch(what: str, api: Api, crowd: CheckingCrowd, seconds: float) -> tuple[int, list[Row]]:
    """Return the api's largest memory in bytes, and rows for memory and delays."""
    crowd.delays.clear()
    most, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        most = max(most, api.memory())
        time.sleep(0.1)
    delays = sorted(crowd.delays) or [0.0]
    rows = [
        Row(what=f"{what}: memory", ours=most / 1e6, unit="MB"),
        Row(what="  Linux's for TCP", ours=kernel_memory() / 1e6, unit="MB", is_detail=True),
        Row(what="  delay p50", ours=median(delays) * 1e3, unit="ms"),
        Row(what="  delay p99", ours=delays[len(delays) * 99 // 100] * 1e3, unit="ms"),
        Row(what="  longest delay", ours=delays[-1] * 1e3, unit="ms", is_detail=True),
    ]
    return most, rows


def kernel_memory() -> int:
    """Return the bytes of Linux's TCP buffers of all processes."""
    (tcp,) = re.findall(r"^TCP: .*mem (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    return int(tcp) * resource.getpagesize()


def cut_off(api: Api) -> float:
    """Return the number of readers that were disconnected."""
    return api.metric("kraken_book_cut_off_total")
