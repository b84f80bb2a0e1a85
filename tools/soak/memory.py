"""Samples of the memory of processes, second by second."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple, Self

from lab.process import Process

SAMPLE_SECONDS = 1.0


class Growth(NamedTuple):
    """The bytes in the second fifth of a run, when all has started, and in the last fifth."""

    before: float
    after: float

    @property
    def share(self) -> float:
        """The growth as a share of what it was before."""
        return self.after / self.before - 1


class MemorySampler:
    """Samples the memory of services once a second until the context ends."""

    def __init__(self, services: Sequence[Process]) -> None:
        self.samples: dict[str, list[int]] = {service.name: [] for service in services}
        self._services = services
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def fifths(self, name: str) -> list[float]:
        """Return the median memory in each fifth of the run; empty if it lasted less than 5 s."""
        samples = self.samples[name]
        fifth = len(samples) // 5
        return [median(samples[n * fifth : (n + 1) * fifth]) for n in range(5) if fifth]

    def growth(self, name: str) -> Growth:
        """Return the growth of a service's memory, by medians."""
        _, before, *_, after = self.fifths(name)
        return Growth(before, after)

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            for service in self._services:
                # One that has ended is told by whoever runs it.
                if service.process.poll() is None:
                    self.samples[service.name].append(service.memory())
