"""Sample the memory of processes once a second."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from lab.process import Process
from tools.background import BackgroundThread

SAMPLE_SECONDS = 1.0


class Growth(NamedTuple):
    """The bytes in the second fifth of a run, after the start, and in the last fifth."""

    before: float
    after: float

    @property
    def share(self) -> float:
        """The growth as a share of the memory before."""
        return self.after / self.before - 1


class MemorySampler(BackgroundThread):
    """A thread that samples the memory of services once a second."""

    def __init__(self, services: Sequence[Process]) -> None:
        super().__init__()
        self.samples: dict[str, list[int]] = {service.name: [] for service in services}
        self._services = services

    def fifths(self, name: str) -> list[float]:
        """Return the median memory in each fifth of the run; empty if it lasted less than 5 s."""
        samples = self.samples[name]
        fifth = len(samples) // 5
        return [median(samples[n * fifth : (n + 1) * fifth]) for n in range(5) if fifth]

    def growth(self, name: str) -> Growth:
        """Return the growth of a service's memory, by medians."""
        _, before, *_, after = self.fifths(name)
        return Growth(before, after)

    def run(self) -> None:
        """Sample until the context ends."""
        while not self.stopping.wait(SAMPLE_SECONDS):
            for service in self._services:
                # `SoakRun` reports a service that has ended.
                if service.process.poll() is None:
                    self.samples[service.name].append(service.memory())
