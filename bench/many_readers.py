"""What readers of many books cost one replica of the api, by what they ask for.

    python -m bench.many_readers

Real processes: a Redis, the simulator, a collector, an api; the readers in this one only count. For
each choice of books and view: the api's CPU, its memory, and what its readers were sent.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from lab.processes import Api, Stage
from runtime.http.server import allow_open_files
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs

SYMBOLS = 20
CHOICES = (
    "/stream?symbols=*",
    "/stream?symbols=*&levels=5",
    "/stream?symbols=*&view=top",
    "/stream?symbols=*&view=top&interval=100ms",
)


class Counting(asyncio.Protocol):
    """A reader that counts what comes, and nothing more."""

    def __init__(self, path: str, host: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self.events = 0
        self.lagged = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count."""
        self.events += data.count(b"\ndata: ")
        self.lagged += data.count(b'"kind":"lagged"')


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="What readers of many books cost.")
    parser.add_argument("--readers", type=int, default=300)
    parser.add_argument("--rate", type=float, default=1000.0, help="moves a second, of all books")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each choice")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    allow_open_files()
    names = ",".join(f"C{number:02d}/USD" for number in range(SYMBOLS))
    with ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory())
        stage = undo.enter_context(Stage(Path(folder)))
        redis = stage.redis()
        simulator = stage.simulator("--symbols", names, "--rate", str(options.rate))
        collector = stage.collector(
            redis.url, simulator.url, KRAKEN_SYMBOLS="*", LOG_LEVEL="warning"
        )
        collector.wait_until_live(SYMBOLS)
        lagged = sum(
            asyncio.run(measure(stage, redis.url, path, options.readers, options.seconds))
            for path in CHOICES
        )
    return int(lagged > 0)


async def measure(stage: Stage, redis_url: str, path: str, readers: int, seconds: float) -> int:
    """Print what a choice costs; how many readers were told that they missed something."""
    api: Api = await asyncio.to_thread(stage.api, redis_url)
    await asyncio.to_thread(api.answers, "/readyz")
    crowd = [reader async for reader in connect(api.url, path, readers)]
    await asyncio.sleep(2)
    cpu, begun, events = api.cpu_seconds(), monotonic(), sum(r.events for r in crowd)
    await asyncio.sleep(seconds)
    spent, took = api.cpu_seconds() - cpu, monotonic() - begun
    sent = sum(r.events for r in crowd) - events
    lagged = sum(r.lagged for r in crowd)
    for reader in crowd:
        reader.transport.close()
    print(
        f"{path:45} {sent / took / readers:7.0f} events/s each, {sent / took:9,.0f} in all;"
        f" api {spent / took:4.0%} of a core, {api.memory() / 1e6:4.0f} MB; lagged {lagged}",
        flush=True,
    )
    api.stop()
    return lagged


async def connect(url: str, path: str, readers: int) -> AsyncIterator[Counting]:
    """So many readers, each on a connection of its own."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    for _ in range(readers):
        _, reader = await asyncio.get_running_loop().create_connection(
            lambda: Counting(path, address.netloc), address.hostname, address.port
        )
        yield reader


if __name__ == "__main__":
    sys.exit(main())
