"""What readers who do not read cost a replica of the api, and those who do.

    python -m bench.slow_readers

Real processes: a Redis, the simulator, a collector, one api. 1,000 readers follow a book; then
100 come who ask for all of its past and never read. It prints the api's memory before, with and
after each, and how long events took to the readers who read, from the reading of their frame. It
ends with 1 where one of those missed an event or was ended, or where one that does not read was
not cut off.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from lab.crowd import Crowd, frozen_readers
from lab.processes import Api, Stage, Streams, eventually, own_port
from runtime.http.server import allow_open_files
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs

SYMBOL = "BTC/USD"
PAST_EVENTS = 6000
WRITE_TIMEOUT = 10.0


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="What slow readers cost.")
    parser.add_argument("--good", type=int, default=1000, help="readers who read")
    parser.add_argument("--frozen", type=int, default=100, help="readers who do not")
    parser.add_argument("--rate", type=float, default=40, help="updates a second of the market")
    parser.add_argument("--seconds", type=float, default=8, help="how long each is looked at")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    allow_open_files()
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        return measure(stage, options)


def measure(stage: Stage, options: argparse.Namespace) -> int:
    """Let them come and go; 0 where it went as promised."""
    api, first_id = open_book(stage, options.rate)
    before = show("nobody reads", api, None)
    with Crowd(api.url, SYMBOL, options.good) as crowd:
        eventually(lambda: crowd.joined == options.good or None, "all have joined")
        with_good = watch(f"{options.good:,} read", api, crowd, options.seconds)
        print(f"  {(with_good - before) / options.good / 1000:.1f} kB each")
        with frozen_readers(api.url, SYMBOL, options.frozen, first_id):
            with_frozen = watch(
                f"and {options.frozen:,} do not", api, crowd, min(options.seconds, WRITE_TIMEOUT)
            )
            print(f"  {(with_frozen - with_good) / options.frozen / 1000:.1f} kB each")
            eventually(lambda: cut_off(api) == options.frozen or None, "they are cut off")
        watch("they are cut off", api, crowd, options.seconds)
        wrong = crowd.wrong
    print(f"{crowd.events:,} events came, {len(wrong)} that should not: {wrong[:3]}")
    return int(bool(wrong))


def open_book(stage: Stage, rate: float) -> tuple[Api, str]:
    """A replica over a book that has a past and now moves a little; the first event's id."""
    redis = stage.redis()
    port = own_port()
    fast = stage.simulator("--symbols", SYMBOL, "--rate", "5000", port=port)
    stage.collector(redis.url, fast.url, KRAKEN_SYMBOLS=SYMBOL, LOG_LEVEL="warning")
    streams = Streams(redis.url)
    stage.undo(streams.close)
    streams.wait_for_seq(SYMBOL, PAST_EVENTS)
    fast.stop()
    stage.simulator("--symbols", SYMBOL, "--rate", str(rate), port=port)
    streams.wait_for_seq(SYMBOL, streams.last_seq(SYMBOL) + 10)
    api = stage.api(redis.url, API_WRITE_TIMEOUT=str(WRITE_TIMEOUT), LOG_LEVEL="error")
    api.wait_until_live(SYMBOL)
    return api, streams.entries(SYMBOL)[0][0]


def watch(what: str, api: Api, crowd: Crowd, seconds: float) -> int:
    """The most memory that the api has in so long."""
    crowd.delays.clear()
    most, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        most = max(most, api.memory())
        time.sleep(0.1)
    return show(what, api, sorted(crowd.delays), most)


def show(what: str, api: Api, delays: list[float] | None, memory: int = 0) -> int:
    """Print one line; the memory."""
    memory = memory or api.memory()
    line = f"{what:<24} {memory / 1e6:6.1f} MB, {kernel_memory() / 1e6:6.1f} in the system"
    if delays:
        worst, p99 = delays[-1], delays[len(delays) * 99 // 100]
        line += f"   delay median {median(delays) * 1000:5.1f} ms, 99 in 100 {p99 * 1000:5.1f},"
        line += f" worst {worst * 1000:5.1f}"
    print(line, flush=True)
    return memory


def kernel_memory() -> int:
    """What Linux has for TCP, of all processes together, in bytes."""
    (tcp,) = re.findall(r"^TCP: .*mem (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    return int(tcp) * resource.getpagesize()


def cut_off(api: Api) -> float:
    """How many readers were cut off."""
    return api.metric("kraken_book_cut_off_total")


if __name__ == "__main__":
    sys.exit(main())
