"""What a benchmark found, row by row: our figure, beside what, their ratio, and what was to be."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from statistics import median
from typing import Literal

import msgspec


class Verdict(StrEnum):
    """What became of a goal."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"
    FAILED = "failed"
    NONE = ""
    """There is no goal."""


class Goal(msgspec.Struct, frozen=True):
    """What is to be reached: by a figure that has this unit, or, without one, by a ratio."""

    bound: Literal["at least", "at most", "under"]
    value: float
    unit: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether it is set to the ratio: that says something on any machine, however busy."""
        return not self.unit

    def is_met(self, value: float) -> bool:
        """Whether this is enough."""
        if self.bound == "at least":
            return value >= self.value
        return value < self.value or (self.bound == "at most" and value == self.value)

    def reached(self, value: float) -> float:
        """How far this is: 1 at the goal, 2 where it is twice as good."""
        least, most = (value, self.value) if self.bound == "at least" else (self.value, value)
        return least / max(most, 1e-9)

    def shown(self, value: float) -> str:
        """A value as this goal counts it."""
        if self.unit:
            return f"{short(value)} {self.unit}"
        return times(value, as_share=self.value < 1)

    def __str__(self) -> str:
        sign = {"at least": "≥", "at most": "≤", "under": "<"}[self.bound]
        return f"{sign} {self.shown(self.value)}"


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the table; a ratio is the median of as many turns."""

    what: str
    ours: float | None = None
    unit: str = ""
    beside: str = ""
    theirs: float | None = None
    ratio: float | None = None
    goal: Goal | None = None
    not_measured: str = ""
    """Why not."""
    failed: str = ""
    """How it failed, which is no figure, and never good."""

    @property
    def value(self) -> float | None:
        """What its goal is held against."""
        return self.ratio if self.goal and self.goal.is_ratio else self.ours

    @property
    def verdict(self) -> Verdict:
        """What became of its goal."""
        if self.failed:
            return Verdict.FAILED
        if self.not_measured:
            return Verdict.NOT_MEASURED
        if self.goal is None or self.value is None:
            return Verdict.NONE
        return Verdict.MET if self.goal.is_met(self.value) else Verdict.MISSED

    @property
    def is_bad(self) -> bool:
        """Whether it failed, or misses a ratio; figures with a unit say much of the machine."""
        if self.verdict is Verdict.MISSED:
            assert self.goal is not None
            return self.goal.is_ratio
        return self.verdict is Verdict.FAILED

    @property
    def why(self) -> str:
        """What the verdict alone does not say."""
        return self.not_measured or self.failed

    @property
    def shown_ratio(self) -> str:
        """The ratio for people; empty without one."""
        if self.ratio is None:
            return ""
        if self.goal and self.goal.is_ratio:
            return self.goal.shown(self.ratio)
        return times(self.ratio, as_share=self.ratio < 1)


def median_ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """Ours over theirs, turn by turn, and of these the median."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def times(ratio: float, *, as_share: bool) -> str:
    """A ratio for people: as so many times, or as a share of the other."""
    return f"{ratio:.0%}" if as_share else f"{ratio:.3g}x"


def short(value: float) -> str:
    """Three digits of it, and all that stand before the point."""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
