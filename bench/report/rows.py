"""The rows of the table: our figure, another one, their ratio, the goal and its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from statistics import median
from typing import Literal

import msgspec


class GoalVerdict(StrEnum):
    """The verdict on a goal."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"
    FAILED = "failed"
    NONE = ""
    """There is no goal."""


class Goal(msgspec.Struct, frozen=True):
    """A bound: for the figure if it has a unit, otherwise for the ratio."""

    bound: Literal["at least", "at most", "under"]
    value: float
    unit: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether the goal bounds the ratio, which is comparable between machines."""
        return not self.unit

    def is_met(self, value: float) -> bool:
        """Return whether `value` meets the goal."""
        if self.bound == "at least":
            return value >= self.value
        return value < self.value or (self.bound == "at most" and value == self.value)

    def reached(self, value: float) -> float:
        """Return how good `value` is: 1 at the goal, 2 if it is twice as good."""
        least, most = (value, self.value) if self.bound == "at least" else (self.value, value)
        return least / max(most, 1e-9)

    def shown(self, value: float) -> str:
        """Return `value` as text, in the unit of this goal."""
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
    """The reason if it was not measured."""
    failed: str = ""
    """The error if the suite failed."""
    note: str = ""
    """A remark for the reader."""
    is_detail: bool = False
    """Whether the table shows the row only if suites were chosen with `--only`."""

    @property
    def value(self) -> float | None:
        """The number that the goal bounds: the ratio or the figure."""
        return self.ratio if self.goal and self.goal.is_ratio else self.ours

    @property
    def verdict(self) -> GoalVerdict:
        """The verdict on the goal of this row."""
        if self.failed:
            return GoalVerdict.FAILED
        if self.not_measured:
            return GoalVerdict.NOT_MEASURED
        if self.goal is None or self.value is None:
            return GoalVerdict.NONE
        return GoalVerdict.MET if self.goal.is_met(self.value) else GoalVerdict.MISSED

    @property
    def is_bad(self) -> bool:
        """Whether the suite failed, or a ratio misses its goal."""
        if self.verdict is GoalVerdict.MISSED:
            assert self.goal is not None
            return self.goal.is_ratio
        return self.verdict is GoalVerdict.FAILED

    @property
    def why(self) -> str:
        """The reason of the verdict, or the remark."""
        return self.not_measured or self.failed or self.note

    @property
    def shown_ratio(self) -> str:
        """The ratio as text; empty if there is none."""
        if self.ratio is None:
            return ""
        if self.goal and self.goal.is_ratio:
            return self.goal.shown(self.ratio)
        return times(self.ratio, as_share=self.ratio < 1)


def median_ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """Return the median of ours divided by theirs over the turns."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def times(ratio: float, *, as_share: bool) -> str:
    """Render a ratio as a multiple or as a share."""
    return f"{ratio:.0%}" if as_share else f"{ratio:.3g}x"


def short(value: float) -> str:
    """Render three significant digits, but never round the integer part."""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
