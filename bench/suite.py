"""What a suite is: a name, and a function that measures and returns rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from bench.report.rows import Row


class MeasureFailed(Exception):
    """Events are missing or wrong, or did not come: there is no figure."""


class Progress:
    """Reports which step of a suite begins and which share of the suite is done.

    A suite calls `expect` with the number of its steps, then the object with each step's name.
    """

    def __init__(self, show: Callable[[str, float], None]) -> None:
        self._show = show
        self._steps = self._begun = 0

    def expect(self, steps: int) -> None:
        """Expect so many steps."""
        self._steps = steps

    def __call__(self, what: str) -> None:
        """Begin a step, which ends the one before."""
        self._show(what, self._begun / self._steps if self._steps else 0.0)
        self._begun += 1


class Measure(Protocol):
    """The function of a suite.

    Args:
        scale: The share of the load and the time. From 1 on the load is the goals' own, and only
            the time grows. Less is to see that the suite works: its ratios decide nothing.
        progress: Called with each step.

    Raises:
        MeasureFailed: If there is no figure.

    """

    def __call__(self, scale: float, progress: Progress, /) -> Iterable[Row]:
        """Measure, and return the figures."""


class Suite(NamedTuple):
    """One line of the catalogue."""

    name: str
    """As `--only` takes it."""
    what: str
    """What it measures, in a few words."""
    measure: Measure
    seconds: float
    """About how long it takes at scale 1, for the progress bar."""
    is_default: bool = True
    """Whether `make bench` runs it; if not, only `--only` does."""


TURNS = 3


def turns_at(scale: float) -> int:
    """Return how many turns each server has."""
    return TURNS if scale >= 1 else 1


def share_of(count: int, scale: float) -> int:
    """Return the share of a load of at most `count`; at least 1."""
    return max(1, int(count * min(1.0, scale)))
