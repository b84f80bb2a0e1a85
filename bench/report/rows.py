"""The rows of the table: our figure, the one beside it, their ratio, the goal and its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from statistics import median
from typing import Literal

import msgspec


class GoalVerdict(StrEnum):
    """Whether a goal was reached."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"
    FAILED = "failed"
    NONE = ""
    """There is no goal."""


class Goal(msgspec.Struct, frozen=True):
    """A bound for the figure, if it has a unit, else for the ratio."""

    bound: Literal["at least", "at most", "under"]
    value: float
    unit: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether it bounds the ratio, which is comparable between machines."""
        return not self.unit

    def is_met(self, value: float) -> bool:
        """Return whether this value reaches the goal."""
        if self.bound == "at least":
            return value >= self.value
        return value < self.value or (self.bound == "at most" and value == self.value)

    def reached(self, value: float) -> float:
        """Return how far the goal is reached: 1 at the goal, 2 if it is twice as good."""
        least, most = (value, self.value) if self.bound == "at least" else (self.value, value)
        return least / max(most, 1e-9)

    def shown(self, value: float) -> str:
        """Return a value in the form of this goal."""
        if self.unit:
            return f"{short(value)} {self.unit}"
        return times(value, as_share=self.value < 1)

    def __str__(self) -> str:
        sign = {"at least": "≥", "at most": "≤", "under": "<"}[self.bound]
        return f"{sign} {self.shown(self.value)}"


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row; a ratio is the median of the turns' ratios."""

    what: str
    ours: float | None = None
    unit: str = ""
    beside: str = ""
    theirs: float | None = None
    ratio: float | None = None
    goal: Goal | None = None
    not_measured: str = ""
    """Why it was not measured."""
    failed: str = ""
    """How it failed, which is never good."""
    note: str = ""
    """What the figures alone do not say."""
    is_detail: bool = False
    """Whether the table has it only if suites were chosen by name."""

    @property
    def value(self) -> float | None:
        """The ratio or the figure, whichever the goal bounds."""
        return self.ratio if self.goal and self.goal.is_ratio else self.ours

    @property
    def verdict(self) -> GoalVerdict:
        """Whether its goal was reached."""
        if self.failed:
            return GoalVerdict.FAILED
        if self.not_measured:
            return GoalVerdict.NOT_MEASURED
        if self.goal is None or self.value is None:
            return GoalVerdict.NONE
        return GoalVerdict.MET if self.goal.is_met(self.value) else GoalVerdict.MISSED

    @property
    def is_bad(self) -> bool:
        """Whether it failed or misses a ratio; figures with a unit depend on the machine."""
        if self.verdict is GoalVerdict.MISSED:
            assert self.goal is not None
            return self.goal.is_ratio
        return self.verdict is GoalVerdict.FAILED

    @property
    def why(self) -> str:
        """What the verdict alone does not say."""
        return self.not_measured or self.failed or self.note

    @property
    def shown_ratio(self) -> str:
        """The ratio as the table has it; empty if there is none."""
        if self.ratio is None:
            return ""
        if self.goal and self.goal.is_ratio:
            return self.goal.shown(self.ratio)
        return times(self.ratio, as_share=self.ratio < 1)


def median_ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """Return the median, over the turns, of ours divided by theirs."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def times(ratio: float, *, as_share: bool) -> str:
    """Render a ratio as a multiple or as a share of the other."""
    return f"{ratio:.0%}" if as_share else f"{ratio:.3g}x"


def short(value: float) -> str:
    """Render three digits, and all that are before the point."""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
