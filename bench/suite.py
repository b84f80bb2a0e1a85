"""A suite: a name, and a function that measures and returns rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from bench.report.rows import Row


class MeasureFailed(Exception):
    """Events are missing, wrong or late, so there is no figure."""


class Progress:
    """Reports the step of a suite that begins, and the share of the suite that is done.

    A suite calls `expect` with the number of its steps, then the object with the name of each.
    """

    def __init__(self, show: Callable[[str, float], None]) -> None:
        self._show = show
        self._steps = self._begun = 0

    def expect(self, steps: int) -> None:
        """Set the number of steps."""
        self._steps = steps

    def __call__(self, what: str) -> None:
        """End the previous step and begin one."""
        self._show(what, self._begun / self._steps if self._steps else 0.0)
        self._begun += 1


class Measure(Protocol):
    """The function of a suite.

    Args:
        scale: The share of the load and the time. From 1 on the load is the goals' load, and only
            the time grows. Below 1 a run checks that the suite works, and no goal counts.
        progress: Called with each step.

    Raises:
        MeasureFailed: There is no figure.

    """

    def __call__(self, scale: float, progress: Progress, /) -> Iterable[Row]:
        """Measure, and return the figures."""


class Suite(NamedTuple):
    """An entry of the catalogue."""

    name: str
    """The argument of `--only`."""
    what: str
    """A few words about the measurement."""
    measure: Measure
    seconds: float
    """The approximate duration at scale 1, for the progress bar."""
    is_default: bool = True
    """Whether `make bench` runs it; otherwise only `--only` does."""


TURNS = 3


def turns_at(scale: float) -> int:
    """Return the number of turns of each server."""
    return TURNS if scale >= 1 else 1


def share_of(count: int, scale: float) -> int:
    """Return `count` times `scale`, at most `count` and at least 1."""
    return max(1, int(count * min(1.0, scale)))
