"""What every benchmark is: something that measures, tells how far it is, and gives rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from bench.rows import Row


class MeasureFailed(Exception):
    """Events are missing or wrong, or did not come: there is no figure."""


class Progress:
    """Told what is measured now, as often as `expect` was told; tells on which share is done."""

    def __init__(self, tell: Callable[[str, float], None]) -> None:
        self._tell = tell
        self._steps = self._begun = 0

    def expect(self, steps: int) -> None:
        """So many steps will be told."""
        self._steps = steps

    def __call__(self, what: str) -> None:
        """A step begins, and so the one before is done."""
        self._tell(what, self._begun / self._steps if self._steps else 0.0)
        self._begun += 1


class Result(Protocol):
    """What a benchmark found."""

    def lines(self) -> Iterator[str]:
        """All figures, for people."""

    def rows(self) -> Iterator[Row]:
        """The figures that there are goals for, and what a plan needs."""


class Measure(Protocol):
    """Measures, with this share of the load and the time; raises MeasureFailed.

    From 1 on the load is the goals' own, and what grows is the time alone. Less is to see that it
    works: its ratios decide nothing, since one turn must do, and of a part of the load more than
    all of it cannot be brought.
    """

    def __call__(self, scale: float, progress: Progress, /) -> Result:
        """Measure."""


TURNS = 3


def turns_at(scale: float) -> int:
    """How many turns each server has."""
    return TURNS if scale >= 1 else 1


def share_of(count: int, scale: float) -> int:
    """So much of a load of at most `count`."""
    return max(1, int(count * min(1.0, scale)))
