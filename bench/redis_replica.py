"""What a replica of Redis costs, and whether an api may read it instead of the one written to.

    python -m bench.redis_replica

1,100 books, written at the pace of a whole exchange to one Redis that another one copies; in turns
without it, with it, and with an api that reads the copy and has a reader of all books. The CPU is
Redis's own count. Where the reader missed an event there is no figure.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from bench.benchmark import Progress, share_of
from bench.command import command_line, run
from bench.redis_load import BUSY, RedisLoad, cpu_of
from bench.rows import Row
from lab.processes import Stage, eventually

BOOKS = 1100
SECONDS = 4.0


@dataclass(frozen=True)
class RedisReplica:
    """What both take of a core at the pace of an exchange."""

    books: int
    alone: float
    copied: float
    """The one that is written to, while another copies it."""
    copy: float
    read: float
    """The copy, while an api with a reader of all books reads it."""

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield (
            f"{self.books:,} books at {BUSY.flushes * BUSY.events:,.0f} events/s: writing takes"
            f" {self.alone:.1%} of a core of Redis, {self.copied:.1%} while another copies it;"
            f" the copy itself {self.copy:.1%}, {self.read:.1%} with an api that follows all"
        )

    def rows(self) -> Iterator[Row]:
        """What both take of a core."""
        whole = (("alone", self.alone), ("copied", self.copied), ("copy", self.copy))
        for what, share in (*whole, ("copy that is read", self.read)):
            yield Row(what=f"Redis, {what}", ours=share * 100, unit="% of a core")


def measure(scale: float, progress: Progress) -> RedisReplica:
    """Measure with this share of the books and of the time."""
    books, seconds = max(40, share_of(BOOKS, scale)), max(0.5, SECONDS * scale)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        load = RedisLoad(stage, Path(folder), books, seconds)
        progress.expect(3)
        progress("one Redis alone")
        (alone,) = load.spent("nobody", [BUSY])
        server = stage.redis(0)
        copy: Redis = stage.enter(closing(Redis.from_url(server.url)))
        progress("a copy of it")
        copy.replicaof("127.0.0.1", load.server.port)
        eventually(lambda: _is_up(copy), "the copy is complete")
        before = cpu_of(copy)
        (copied,) = load.spent("nobody", [BUSY])
        of_copy = cpu_of(copy) - before
        progress("an api reads the copy")
        load.grow_to(1, server)
        (read,) = load.spent("all", [BUSY], cpu_of_server=copy)
    return RedisReplica(books, alone.cpu, copied.cpu, of_copy / seconds, read.cpu)


def _is_up(copy: Redis) -> bool:
    told: dict[str, Any] = copy.info("replication")
    return told.get("master_link_status") == "up"


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
