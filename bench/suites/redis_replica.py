"""The CPU of a replica of Redis that apis read instead of the master.

1,100 books are written to a Redis at the pace of a whole exchange: without a replica, with one, and
with an api that reads the replica and has a reader of all books. The CPU is Redis's own count. If
the reader misses an event, there is no figure.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from bench.load.redis_load import BUSY, RedisLoad, cpu_of
from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.stage import Stage
from lab.waiting import wait_until

BOOKS = 1100
SECONDS = 4.0


@dataclass(frozen=True)
class RedisReplica:
    """The shares of a core of master and replica at the pace of an exchange."""

    books: int
    alone: float
    copied: float
    """The master with a replica."""
    copy: float
    read: float
    """The replica, while an api with a reader of all books reads it."""

    def rows(self) -> Iterator[Row]:
        """Yield the shares of a core."""
        whole = (("alone", self.alone), ("copied", self.copied), ("copy", self.copy))
        for what, share in (*whole, ("replica that is read", self.read)):
            yield Row(what=f"Redis, {what}", ours=share * 100, unit="% of a core")


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure master and replica."""
    books, seconds = max(40, share_of(BOOKS, scale)), max(0.5, SECONDS * scale)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        load = RedisLoad(stage, Path(folder), books, seconds)
        progress.expect(3)
        progress("a Redis without replica")
        (alone,) = load.spent("nobody", [BUSY])
        server = stage.redis(0)
        copy: Redis = stage.enter(closing(Redis.from_url(server.url)))
        progress("a replica")
        copy.replicaof("127.0.0.1", load.server.port)
        wait_until(lambda: _is_up(copy), "the replica is complete")
        before = cpu_of(copy)
        (copied,) = load.spent("nobody", [BUSY])
        of_copy = cpu_of(copy) - before
        progress("an api reads the replica")
        load.grow_to(1, server)
        (read,) = load.spent("all", [BUSY], cpu_of_server=copy)
    return RedisReplica(books, alone.cpu, copied.cpu, of_copy / seconds, read.cpu).rows()


def _is_up(copy: Redis) -> bool:
    told: dict[str, Any] = copy.info("replication")
    return told.get("master_link_status") == "up"
