"""What a replica of Redis costs, and whether an api may read it instead of the one written to.

    python -m bench.redis_replica

1,100 books, written at the pace of a whole exchange to one Redis that another one copies; in turns
without it, with it, and with an api that reads the copy and has a reader of all books. The CPU is
Redis's own count. It ends with 1 where the reader missed an event.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from bench.redis_load import BUSY, RedisLoad, cpu_of
from bench.side_by_side import Progress
from service.logs import configure_logs, parse_levels
from tests.e2e.processes import Stage, eventually

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
    complete: bool

    @property
    def is_good(self) -> bool:
        """Whether the reader had every event."""
        return self.complete

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield (
            f"{self.books:,} books at {BUSY.flushes * BUSY.events:,.0f} events/s: writing takes"
            f" {self.alone:.1%} of a core of Redis, {self.copied:.1%} while another copies it;"
            f" the copy itself {self.copy:.1%}, {self.read:.1%} with an api that follows all"
        )
        word = "had every event" if self.complete else "MISSED EVENTS"
        yield f"  the reader of that api {word}"


def measure(scale: float, progress: Progress) -> RedisReplica:
    """Measure with this share of the books and of the time."""
    books, seconds = max(40, int(BOOKS * scale)), max(0.5, SECONDS * scale)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        load = RedisLoad(stage, Path(folder), books, seconds)
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
    return RedisReplica(books, alone.cpu, copied.cpu, of_copy / seconds, read.cpu, load.complete)


def _is_up(copy: Redis) -> bool:
    told: dict[str, Any] = copy.info("replication")
    return told.get("master_link_status") == "up"


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="What a replica of Redis costs.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the books and of the time")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    found = measure(options.scale, lambda what: print(what, file=sys.stderr, flush=True))
    for line in found.lines():
        print(line)
    return int(not found.is_good)


if __name__ == "__main__":
    sys.exit(main())
