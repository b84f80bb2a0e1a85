"""Measure the cost of many different views for one replica of the api and its good readers.

    python -m bench.many_views

Real processes: a Redis, the simulator, a collector, one api. 100 readers of `*`, each with an
interval of its own, come, stay and leave. It prints the api's memory before, with and after them,
and how long events took to two readers of every event, from the reading of their frame. It ends
with 1 if one of those two was told that it missed something, or if the memory went beyond
`--most-mb`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import monotonic, time_ns
from typing import TypeVar
from urllib.parse import urlsplit

from bench.many_readers import Counting
from kraken_book.timestamps import parse_rfc3339
from lab.processes import Api, Stage
from runtime.http.server import allow_open_files
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs

LOOK_SECONDS = 0.5

_RECEIVED_AT = re.compile(rb'"received_at":"([^"]+)"')

Kind = TypeVar("Kind", bound=Counting)


class Timing(Counting):
    """A reader that notes how long the first event of each piece took."""

    delays: list[float]

    def data_received(self, data: bytes) -> None:
        """Count, and measure."""
        super().data_received(data)
        found = _RECEIVED_AT.search(data)
        if found:
            self.delays.append((time_ns() - parse_rfc3339(found[1].decode())) / 1e9)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self.delays = []
        super().connection_made(transport)


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="What many different views cost.")
    parser.add_argument("--views", type=int, default=100)
    parser.add_argument("--books", type=int, default=40)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--rate", type=float, default=300.0, help="moves a second, of all books")
    parser.add_argument("--seconds", type=float, default=70.0, help="how long they stay")
    parser.add_argument("--most-mb", type=float, default=450.0, help="what the api may use")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    allow_open_files()
    names = ",".join(f"C{number:02d}/USD" for number in range(options.books))
    with ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory())
        stage = undo.enter_context(Stage(Path(folder)))
        redis = stage.redis()
        simulator = stage.simulator("--symbols", names, "--rate", str(options.rate))
        collector = stage.collector(
            redis.url,
            simulator.url,
            KRAKEN_SYMBOLS="*",
            KRAKEN_DEPTH=str(options.depth),
            LOG_LEVEL="warning",
        )
        collector.wait_until_live(options.books)
        api = stage.api(redis.url, LOG_LEVEL="error")
        api.answers("/readyz")
        return asyncio.run(measure(api, options))


async def measure(api: Api, options: argparse.Namespace) -> int:
    """Let the views' readers come and go; 0 if it went as promised."""
    paths = ("/stream?symbols=*", "/stream/C00-USD")
    good = [await connect(api.url, path, Timing) for path in paths]
    most = await watch("two read every event", api, good, min(10.0, options.seconds))
    views = [
        await connect(api.url, f"/stream?symbols=*&interval={10 + number}ms", Counting)
        for number in range(options.views)
    ]
    begun = monotonic()
    while monotonic() < begun + options.seconds:
        what = f"{options.views} views, {monotonic() - begun:3.0f} s"
        most = max(most, await watch(what, api, good, min(10.0, options.seconds)))
    sent, lagged = sum(v.events for v in views), sum(v.lagged for v in views)
    print(f"the views were sent {sent:,} events, {lagged:,} of them `lagged`", flush=True)
    for view in views:
        view.transport.abort()
    await watch("they have left", api, good, 5.0)
    missed = sum(reader.lagged for reader in good)
    print(f"at most {most:.0f} MB; the two missed something {missed} times")
    return int(missed > 0 or most > options.most_mb)


async def connect(url: str, path: str, kind: Callable[[str, str], Kind]) -> Kind:
    """One reader, on a connection of its own."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    _, reader = await asyncio.get_running_loop().create_connection(
        lambda: kind(path, address.netloc), address.hostname, address.port
    )
    return reader


async def watch(what: str, api: Api, good: list[Timing], seconds: float) -> float:
    """Print what the api uses and how long events take in so long; its most memory, in MB."""
    for reader in good:
        reader.delays.clear()
    cpu, begun, most = api.cpu_seconds(), monotonic(), 0.0
    while monotonic() < begun + seconds:
        await asyncio.sleep(LOOK_SECONDS)
        most = max(most, api.memory() / 1e6)
    share = (api.cpu_seconds() - cpu) / (monotonic() - begun)
    delays = sorted(delay for reader in good for delay in reader.delays) or [0.0]
    print(
        f"{what:<24} {api.memory() / 1e6:5.0f} MB, {share:4.0%} of a core; delay median"
        f" {median(delays) * 1000:5.1f} ms, 99 in 100 {delays[len(delays) * 99 // 100] * 1000:6.1f}"
        f", worst {delays[-1] * 1000:6.1f}",
        flush=True,
    )
    return most


if __name__ == "__main__":
    sys.exit(main())
