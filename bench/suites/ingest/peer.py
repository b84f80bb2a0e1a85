"""A run of cryptofeed in the same flood, from its own package in its own venv.

There are two: 2.4 speaks Kraken's v1, 3.0 speaks v2 and needs a newer Python. Only updates that
arrive in Redis count. In a flood 3.0 drops the oldest of more than 10,000 that wait for Redis.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from redis import Redis

from bench.load.cores import pin
from bench.load.flood_process import FloodProcess
from bench.suite import MeasureFailed
from bench.suites.ingest.run import COLLECTOR_CORE, LIMIT_SECONDS, OTHER_CORE, Run
from lab.process import ROOT, lifeline
from lab.process_table import cpu_seconds
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

# After this number of updates its backend adds the whole book to the stream.
_SNAPSHOT_EVERY = 1000
# A run ends when no update has arrived for this time, in which it used little CPU. It writes at
# least twice a second.
_QUIET_SECONDS = 1.0
_QUIET_CPU_SECONDS = 0.05
_POLL_SECONDS = 0.02


class Peer(NamedTuple):
    """A version of cryptofeed: its venv, and the protocol of Kraken that it speaks."""

    name: str
    version: str
    venv: str
    protocol: Literal["v1", "v2"]

    @property
    def python(self) -> Path:
        """The interpreter of its venv."""
        return ROOT / self.venv / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """Whether this version is installed, with its backend for Redis."""
        if not self.python.exists():
            return False
        code = (
            "import cryptofeed.backends.redis; from importlib.metadata import version; "
            "print(version('cryptofeed'))"
        )
        asked = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=False
        )
        return asked.returncode == 0 and asked.stdout.startswith(self.version)


PEERS = (
    Peer("cryptofeed 2.4", "2.", ".venv-peers", "v1"),
    Peer("cryptofeed 3.0", "3.", ".venv-peers-3", "v2"),
)


class PeerRun(NamedTuple):
    """A run of a peer: the updates that arrived in Redis, and the number that was sent."""

    run: Run
    sent: int

    @property
    def dropped(self) -> float:
        """The share of updates that did not arrive."""
        return 1 - self.run.updates / self.sent


def run_peer(peer: Peer, folder: Path, redis: EmbeddedRedis, flood: FloodProcess) -> PeerRun:
    """Send one round of the flood to a peer; raise MeasureFailed if a book failed to verify."""
    served = flood.serving.v1 if peer.protocol == "v1" else flood.serving.v2
    sent, streams = served.sent(1), list(map(_stream, served.updates))
    client: Any = Redis.from_url(redis.url)

    def entries() -> list[int]:
        with client.pipeline(transaction=False) as pipe:
            for stream in streams:
                pipe.xlen(stream)
            found: list[int] = pipe.execute()
        return found

    with _cryptofeed(peer, folder, redis, flood) as pid:
        pin([redis.process.pid, flood.pid, os.getpid()], OTHER_CORE)
        wait_until(lambda: all(entries()), f"{peer.name} has every snapshot")
        cpu_before = cpu_seconds(pid)
        begun = flood.send(peer.protocol)
        # The snapshot, the updates, and the whole book from time to time.
        every = sum(1 + count + count // _SNAPSHOT_EVERY for count in sent.values())
        ended = _until_quiet(pid, lambda: sum(entries()), every, begun + LIMIT_SECONDS)
        arrived = sum(b"delta" in fields for each in streams for _, fields in client.xrange(each))
    client.close()
    if "BadChecksum" in (log := _log(folder)) or not arrived:
        raise MeasureFailed(f"{peer.name} did not verify its books: {log[-500:]}")
    run = Run(arrived, ended.at - begun, ended.cpu - cpu_before)
    return PeerRun(run, sum(sent.values()))


class _End(NamedTuple):
    """The time of the last arrival, by time.monotonic, and the CPU seconds used until then."""

    at: float
    cpu: float


def _until_quiet(pid: int, count: Any, every: int, deadline: float) -> _End:
    """Wait until `count()` is `every`, or nothing arrives any more and the process is idle."""
    found, end = 0, _End(time.monotonic(), cpu_seconds(pid))
    busy_at, busy_cpu = end
    while found < every and (now := time.monotonic()) - busy_at < _QUIET_SECONDS and now < deadline:
        time.sleep(_POLL_SECONDS)
        now, cpu, seen = time.monotonic(), cpu_seconds(pid), count()
        if seen > found:
            found, end, busy_at = seen, _End(now, cpu), now
        if cpu > busy_cpu + _QUIET_CPU_SECONDS:
            busy_at, busy_cpu = now, cpu
    return end


@contextmanager
def _cryptofeed(
    peer: Peer, folder: Path, redis: EmbeddedRedis, flood: FloodProcess
) -> Iterator[int]:
    served = flood.serving.v1 if peer.protocol == "v1" else flood.serving.v2
    script = ROOT / "bench" / "peers" / "cryptofeed_collector.py"
    command = [str(peer.python), str(script), served.url, str(redis.port), *served.updates]
    with (folder / "cryptofeed.out").open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=out,
            stderr=out,
            preexec_fn=lifeline(),  # noqa: PLW1509 - only one thread starts processes
        )
    try:
        pin([process.pid], COLLECTOR_CORE)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _stream(symbol: str) -> str:
    return f"book-KRAKEN-{symbol.replace('/', '-')}"


def _log(folder: Path) -> str:
    log = folder / "cryptofeed.log"
    return log.read_text() if log.exists() else "its log is empty"
