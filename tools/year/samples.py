"""Sample what may grow: memory, files, threads and tasks of processes, keys and bytes of Redis."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
from redis.exceptions import RedisError

from lab.process import Process
from lab.redis_fleet import is_master
from lab.services import HttpService
from tools.background import BackgroundThread
from tools.year.house import House

SAMPLE_SECONDS = 2.0
ANSWER_TIMEOUT = 2.0
MAX_GROWTH = 0.1
"""The permitted growth from the second fifth of a run to the last one, as a share."""

TAPE = "tape"
"""The first word of the figures of a tape, which grows up to a limit of its own."""

Figures = dict[str, float]


class Course(NamedTuple):
    """A figure in the second fifth of a run, after the start, and in the last fifth, by medians."""

    name: str
    before: float
    after: float
    most: float
    slack: float

    @property
    def has_grown(self) -> bool:
        """Whether the figure grew by more than a tenth, and by more than its slack."""
        return self.after > self.before * (1 + MAX_GROWTH) and self.after > self.before + self.slack


# A few more are no leak: a connection that is about to end, a task that is about to start.
_SLACKS = {"memory": 2e6, "files": 5, "threads": 2, "tasks": 8, "keys": 5, "bytes": 2e6}


class Sampler(BackgroundThread):
    """A thread that samples a house until the context ends.

    Args:
        house: The running processes.
        path: A file for all samples, a line of JSON each; None for none.

    """

    def __init__(self, house: House, path: Path | None) -> None:
        super().__init__()
        self.samples: list[Figures] = []
        self._house = house
        self._path = path

    def run(self) -> None:
        """Sample until the context ends."""
        begun = time.monotonic()
        with ExitStack() as stack:
            file = stack.enter_context(self._path.open("w")) if self._path is not None else None
            while not self.stopping.wait(SAMPLE_SECONDS):
                figures = {"seconds": time.monotonic() - begun, **dict(self._figures())}
                if file is not None:
                    print(json.dumps(figures), file=file, flush=True)
                del figures["seconds"]
                self.samples.append(figures)

    def courses(self) -> list[Course]:
        """Return the course of each figure; none if there are fewer than five samples."""
        fifth = len(self.samples) // 5
        if not fifth:
            return []
        found = []
        # A sample may lack some: a suspended process does not answer.
        for name in dict.fromkeys(name for sample in self.samples for name in sample):
            values = [sample[name] for sample in self.samples if name in sample]
            before = [s[name] for s in self.samples[fifth : 2 * fifth] if name in s]
            after = [s[name] for s in self.samples[-fifth:] if name in s]
            if before and after:
                slack = _SLACKS[name.rpartition(" ")[2]]
                found.append(Course(name, median(before), median(after), max(values), slack))
        return found

    def _figures(self) -> Iterator[tuple[str, float]]:
        house = self._house
        kept: dict[str, Process] = {
            "collector": house.collector,
            "api": house.api,
            "recorder": house.recorder,
        }
        for name, process in kept.items():
            yield from _of_process(name, process)
        yield from _of_redis(house)
        for number, tape in enumerate(house.tapes, 1):
            yield f"{TAPE} {number} bytes", _bytes_in(tape)


_METRICS = {
    "collector": {"tasks": "kraken_book_tasks"},
    "api": {"tasks": "kraken_book_tasks", "buffer bytes": "kraken_book_buffer_bytes"},
}


def _of_process(name: str, process: Process) -> Iterator[tuple[str, float]]:
    folder = Path(f"/proc/{process.process.pid}")
    with suppress(OSError):
        yield f"{name} memory", process.memory()
        yield f"{name} files", _count(folder / "fd")
        yield f"{name} threads", _count(folder / "task")
    if isinstance(process, HttpService):
        # A suspended one does not answer.
        with suppress(httpx.TransportError):
            answer = process.get(process.ops_url("/metrics"), timeout=ANSWER_TIMEOUT)
            for suffix, metric in _METRICS[name].items():
                found = re.search(rf"^{metric} (\S+)$", answer.text, re.MULTILINE)
                assert found is not None, answer.text
                yield f"{name} {suffix}", float(found[1])


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def _of_redis(house: House) -> Iterator[tuple[str, float]]:
    for server in (house.fleet.master, house.fleet.replica):
        with suppress(RedisError, OSError):
            if is_master(server):
                yield "Redis keys", server.client.dbsize()
                yield "Redis bytes", server.client.info("memory")["used_memory_dataset"]
                return


def _bytes_in(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total
