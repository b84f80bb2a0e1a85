"""A picture of a dashboard, drawn from the figures of a real Prometheus.

It shows the same panels with the same queries as Grafana, but it is not Grafana's own rendering.
"""

from __future__ import annotations

import re
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.prometheus import Prometheus
from tools.dashboards.panel import COLUMNS, Dashboard, Panel, Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

WIDTH, DPI = 15.0, 100
HEADING, NUMBER, DIAGRAM = 0.42, 1.1, 2.75
INK, FAINT, BAD, PANEL = "#24303c", "#6b7885", "#c4302b", "#f6f8fa"
COLOURS = ("#12806a", "#d9822b", "#3b6fb6", "#b0407a", "#7a6cc0", "#8a8d2f", "#4aa3a2", "#a9b4c0")
MAX_LEGENDS = 6
STEPS = 240
_LABEL = re.compile(r"\{\{(\w+)\}\}")


def draw(dashboard: Dashboard, prometheus: Prometheus, seconds: float, path: Path) -> None:
    """Draw a dashboard of the last seconds into a file.

    Args:
        dashboard: The dashboard.
        prometheus: Has the figures.
        seconds: The time that the diagrams show.
        path: The file.
    """
    import matplotlib as mpl  # noqa: PLC0415 - takes half a second, and is optional

    mpl.use("agg")
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"font.size": 8, "text.color": INK, "axes.labelcolor": INK}):
        heights = list(_heights(dashboard))
        figure = Figure(figsize=(WIDTH, sum(heights) + 0.5), dpi=DPI, facecolor="white")
        margin = 0.5 / (sum(heights) + 0.5)
        grid = figure.add_gridspec(
            len(heights),
            COLUMNS,
            height_ratios=heights,
            hspace=0,
            wspace=0,
            left=0.012,
            right=0.988,
            top=1 - margin,
            bottom=0.004,
        )
        figure.text(0.012, 1 - margin / 2, dashboard.title, size=15, weight="bold", va="center")
        figure.text(
            0.988,
            1 - margin / 2,
            f"the last {seconds / 60:.0f} minutes of simulated markets with faults; drawn from the"
            " figures of Prometheus, not by Grafana",
            color=FAINT,
            ha="right",
            va="center",
        )
        _draw_rows(figure, grid, dashboard, prometheus, seconds)
        figure.savefig(path)


def _heights(dashboard: Dashboard) -> list[float]:
    heights: list[float] = []
    for row in dashboard.rows:
        heights.append(HEADING)
        heights += [NUMBER if line[0].is_number else DIAGRAM for line in _lines(row.panels)]
    return heights


def _lines(panels: list[Panel]) -> list[list[Panel]]:
    """Return the panels of each line."""
    lines: list[list[Panel]] = [[]]
    for panel in panels:
        if sum(each.width for each in lines[-1]) + panel.width > COLUMNS:
            lines.append([])
        lines[-1].append(panel)
    return lines


def _draw_rows(
    figure: Figure, grid: GridSpec, dashboard: Dashboard, prometheus: Prometheus, seconds: float
) -> None:
    at = 0
    for row in dashboard.rows:
        heading = figure.add_subplot(grid[at, :])
        heading.axis("off")
        heading.text(0, 0.3, row.title, size=11, weight="bold", va="center")
        at += 1
        for line in _lines(row.panels):
            left = 0
            for panel in line:
                axes = _frame(figure, grid[at, left : left + panel.width], panel)
                if panel.is_number:
                    _draw_number(axes, panel, prometheus)
                else:
                    _draw_diagram(axes, panel, prometheus, seconds)
                left += panel.width
            at += 1


def _frame(figure: Figure, place: Any, panel: Panel) -> Axes:
    """Return the axes of a panel, with a background and a title around them."""
    outer = figure.add_subplot(place)
    outer.set_xticks([])
    outer.set_yticks([])
    outer.set_facecolor(PANEL)
    for spine in outer.spines.values():
        spine.set_color("white")
        spine.set_linewidth(5)
    high = NUMBER if panel.is_number else DIAGRAM
    outer.text(0.03, 1 - 0.2 / high, panel.title, weight="bold", va="center", size=8.5)
    bounds = (0.03, 0.06, 0.94, 0.6) if panel.is_number else (0.11, 0.27, 0.85, 0.57)
    axes: Axes = outer.inset_axes(bounds)
    axes.set_facecolor(PANEL)
    return axes


def _draw_number(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    axes.axis("off")
    (expression,) = panel.queries.values()
    found = prometheus.query(_chosen(expression))
    value = float(found[0]["value"][1]) if found else float("nan")
    is_bad = panel.limit is not None and value >= panel.limit
    text = formatted(value, panel.unit) if isfinite(value) else "no data"
    axes.text(0, 0.5, text, size=19, color=BAD if is_bad else INK, va="center")


def _draw_diagram(axes: Axes, panel: Panel, prometheus: Prometheus, seconds: float) -> None:
    lines = [
        (_legend(legend, series["metric"]), series["values"])
        for legend, expression in panel.queries.items()
        for series in prometheus.query_range(_chosen(expression), seconds, seconds / STEPS)
    ]
    lines.sort(key=lambda each: each[0])
    for number, (legend, values) in enumerate(lines):
        times = [float(at) for at, _ in values]
        figures = [float(text) for _, text in values]
        colour = COLOURS[number % len(COLOURS)]
        label = legend if number < MAX_LEGENDS else None
        axes.plot(times, figures, color=colour, linewidth=1.2, label=label)
    _style(axes, panel, is_empty=not lines)
    if lines:
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.1, -0.14),
            ncols=3,
            frameon=False,
            fontsize=7,
            handlelength=1.2,
            columnspacing=1.2,
            labelspacing=0.25,
        )


def _style(axes: Axes, panel: Panel, *, is_empty: bool) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c5ccd3")
    axes.grid(axis="y", color="#dfe4e8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=7, colors=FAINT)
    if is_empty:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "nothing to show", color=FAINT, ha="center", va="center")
        return
    low, high = axes.get_ylim()
    axes.set_ylim(0, max(high, 1e-9) * 1.05 if low >= 0 or high > 0 else 1)
    axes.yaxis.set_major_formatter(lambda value, _: formatted(value, panel.unit))
    axes.locator_params(axis="y", nbins=4)
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter(lambda value, _: _clock(value))


def _clock(at: float) -> str:
    minutes, seconds = divmod(int(at) % 86_400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _chosen(expression: str) -> str:
    return expression.replace("$instance", ".*")


def _legend(legend: str, labels: dict[str, str]) -> str:
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend)


def formatted(value: float, unit: Unit) -> str:
    """Return a figure with its unit, as short as Grafana shows it."""
    match unit:
        case "percentunit":
            return f"{value * 100:.3g} %"
        case "s":
            return _scaled(value, ((1, "s"), (1e-3, "ms"), (1e-6, "us")))
        case "bytes" | "Bps":
            sizes = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
            return _scaled(value, sizes) + ("/s" if unit == "Bps" else "")
        case "ops" | "short":
            text = _scaled(value, ((1e6, "M"), (1e3, "K"), (1, "")))
            return f"{text}/s" if unit == "ops" else text


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str:
    if not value:
        return "0"
    factor, name = next((each for each in units if abs(value) >= each[0]), units[-1])
    return f"{value / factor:.3g} {name}".strip()
