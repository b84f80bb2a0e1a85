"""A run of cryptofeed in the same flood, from its own package in its own venv."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from bench.load.cores import pin
from bench.load.flood_process import FloodProcess
from bench.suite import MeasureFailed
from bench.suites.ingest.run import COLLECTOR_CORE, OTHER_CORE, Run, timed
from lab.process import ROOT, lifeline
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
NOT_INSTALLED = "cryptofeed: make peers"
# After this number of updates its backend adds the whole book to the stream.
_SNAPSHOT_EVERY = 1000


def is_installed() -> bool:
    """Return whether cryptofeed is installed."""
    if not PYTHON.exists():
        return False
    asked = subprocess.run([PYTHON, "-c", "import cryptofeed"], capture_output=True, check=False)
    return asked.returncode == 0


def run_peer(folder: Path, redis: EmbeddedRedis, flood: FloodProcess) -> Run:
    """Send a third of the flood to cryptofeed; raise MeasureFailed if entries are missing."""
    served = flood.serving.v1
    client: Any = Redis.from_url(redis.url)

    def entries(symbol: str) -> int:
        return int(client.xlen(_stream(symbol)))

    def is_there(symbol: str, count: int) -> bool:
        # The snapshot, the updates, and the whole book from time to time.
        return entries(symbol) >= 1 + count + count // _SNAPSHOT_EVERY

    with _cryptofeed(folder, redis, flood) as pid:
        pin([redis.process.pid, flood.pid, os.getpid()], OTHER_CORE)
        wait_until(lambda: all(map(entries, served.updates)), "cryptofeed has every snapshot")
        try:
            run = timed(lambda: flood.send("v1"), served, pid, is_there)
        except MeasureFailed as failed:
            raise MeasureFailed(f"cryptofeed: {failed}; {_last_words(folder)}") from None
    client.close()
    return run


@contextmanager
def _cryptofeed(folder: Path, redis: EmbeddedRedis, flood: FloodProcess) -> Iterator[int]:
    served = flood.serving.v1
    script = ROOT / "bench" / "peers" / "cryptofeed_collector.py"
    command = [str(PYTHON), str(script), served.url, str(redis.port), *served.updates]
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


def _last_words(folder: Path) -> str:
    log = folder / "cryptofeed.log"
    return log.read_text()[-500:] if log.exists() else "its log is empty"
