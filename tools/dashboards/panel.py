"""What a dashboard consists of: rows of panels, each with queries for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["short", "s", "bytes", "Bps", "ops", "percentunit"]
"""Grafana's name of a unit: a number, seconds, bytes, bytes per second, a rate, a share of 1."""

COLUMNS = 24
"""The width of a dashboard."""


@dataclass(frozen=True)
class Panel:
    """One diagram, or a few great numbers.

    Attributes:
        title: Its title.
        unit: The unit of all its queries.
        queries: Expressions by the legend of their lines, in which `{{label}}` is a label's value.
        about: What a reader should know to judge the figures.
        is_number: Whether it shows the newest value only, as a number.
        has_exemplars: Whether its histograms have exemplars.
        width: The columns that it takes.
        limit: A value above which the figures are bad; None if there is none.
    """

    title: str
    unit: Unit
    queries: dict[str, str]
    about: str = ""
    is_number: bool = False
    has_exemplars: bool = False
    width: int = 8
    limit: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: list[Panel]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard.

    Attributes:
        name: The name of its file, and its address in Grafana.
        title: Its title.
        rows: Its rows.
        instances: An expression whose label `instance` can be chosen; empty if nothing can.
    """

    name: str
    title: str
    rows: list[Row] = field(default_factory=list)
    instances: str = ""


def number(
    title: str, unit: Unit, query: str, about: str = "", limit: float | None = None
) -> Panel:
    """Return a panel that shows the newest value of one query."""
    return Panel(title, unit, {title: query}, about, is_number=True, width=4, limit=limit)


def quantile(share: float, histogram: str, by: str = "", where: str = "") -> str:
    """Return the expression of a quantile of a histogram.

    Args:
        share: The quantile, such as 0.99.
        histogram: The histogram's name.
        by: Labels whose values have lines of their own.
        where: Matchers of the series.
    """
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{where}[1m])))"


def per_second(counter: str, by: str = "", where: str = "") -> str:
    """Return the expression of a counter's rate, summed by labels."""
    return (
        f"sum by ({by}) (rate({counter}{where}[1m]))" if by else f"sum(rate({counter}{where}[1m]))"
    )
