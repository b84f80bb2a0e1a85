"""Draw pictures of a report: goals and their figures, the peers, and the core's steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.report.rows import Goal, Row, short
from bench.report.table import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, THEIRS, MISSED, INK, FAINT = "#12806a", "#a9b4c0", "#d9822b", "#24303c", "#6b7885"
TIMES = (0.1, 0.2, 0.5, 1, 2, 5, 10)
MAX_TIMES = 10
# Readable if a page shows the picture at half of its size.
DPI = 160
# The type checker reads matplotlib only if it is installed.
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#c5ccd3",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "ytick.major.size": 0,
    # The background of a page may be dark.
    "figure.facecolor": "white",
}


def draw(report: Report, folder: Path) -> str:
    """Draw the pictures for which the report has figures; return a line that lists them."""
    if find_spec("matplotlib") is None:
        return "no picture is drawn: matplotlib is not installed (make bench installs it)"
    import matplotlib as mpl  # noqa: PLC0415 - takes half a second, and is optional

    mpl.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with mpl.rc_context(STYLE):
        for name, picture in PICTURES.items():
            figure = picture(report)
            if figure is not None:
                figure.savefig(folder / name, dpi=DPI)
                drawn.append(name)
    names = ", ".join(drawn) or "nothing, because no picture has figures"
    return f"drawn into {folder}: {names}"


def _figure(
    height: float, parts: int = 1, ratios: list[float] | None = None
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots(parts, 1, squeeze=False, height_ratios=ratios)
    return figure, list(axes[:, 0])


def _foot(figure: Figure, report: Report) -> None:
    words = (
        report.machine
        if report.is_whole_load
        else f"{report.scale:.0%} of the load; {report.machine}"
    )
    figure.supxlabel(words, x=0.99, ha="right", fontsize=8, color=FAINT)


def goals(report: Report) -> Figure | None:
    """Draw a bar for each goal, on a scale on which the goal is 1."""
    rows = [(row, row.goal, row.value) for _, row in report.rows]
    judged = [(row, goal, value) for row, goal, value in rows if goal and value is not None]
    if not judged:
        return None
    figure, (axes,) = _figure(1.3 + 0.27 * len(judged))
    for place, (_, goal, value) in enumerate(judged):
        reached = min(max(goal.reached(value), 1 / MAX_TIMES), MAX_TIMES)
        color = OURS if goal.is_met(value) else MISSED
        axes.barh(place, reached - 1, left=1, height=0.6, color=color)
        axes.annotate(f" {goal.shown(value)}", (max(reached, 1), place), va="center", fontsize=8.5)
        axes.annotate(
            f"  goal {goal}",
            (1, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=FAINT,
        )
    axes.set_yticks(
        range(len(judged)), [_label(row, goal) for row, goal, _ in judged], fontsize=8.5
    )
    axes.set_ylim(len(judged) - 0.4, -0.6)
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(TIMES, [f"{each:g}" for each in TIMES])
    axes.set_xticks([], minor=True)
    # Room for the text behind the longest bar.
    axes.set_xlim(1 / MAX_TIMES, MAX_TIMES * 3)
    axes.set_title("Each goal, and how far it is reached: right of the line it is")
    axes.set_xlabel(f"times as good as the goal (logarithmic, cut at {MAX_TIMES})")
    _foot(figure, report)
    return figure


def _label(row: Row, goal: Goal) -> str:
    return f"{row.what}, beside {row.beside}" if goal.is_ratio else row.what


class Delays(NamedTuple):
    """The delays p50 and p99, in ms."""

    p50: float
    p99: float


def beside_peers(report: Report) -> Figure | None:
    """Draw events per second and delays of our services beside the peers'."""
    names = ("fan_out", "at_ease", "end_to_end")
    groups = dict(group for name in names if (group := _delays(report, name)))
    rates = _rates(report)
    if not groups or not rates:
        return None
    lines = sum(len(group) for group in groups.values()) + len(groups)
    figure, (above, below) = _figure(
        2.4 + 0.3 * (len(rates) + lines), 2, [len(rates) + 1, lines + 1]
    )
    _draw_rates(above, rates)
    _draw_delays(below, groups)
    _foot(figure, report)
    return figure


def _rates(report: Report) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, row in report.rows:
        if name == "fan_out" and row.unit == "events/s" and not row.is_detail:
            if row.ours is not None:
                found["ours"] = row.ours
            if row.theirs is not None:
                found[row.beside] = row.theirs
    return found


def _delays(report: Report, suite: str) -> tuple[str, dict[str, Delays]] | None:
    """Return the title of a suite's delays, and the delays of our services and of the peer."""
    rows = {
        row.what[-len("p50") :]: row
        for name, row in report.rows
        if name == suite and row.unit == "ms" and not row.is_detail
    }
    if not {"p50", "p99"} <= rows.keys():
        return None
    p50, p99 = rows["p50"], rows["p99"]
    found = {}
    if p50.ours is not None and p99.ours is not None:
        found["ours"] = Delays(p50.ours, p99.ours)
    if p50.theirs is not None and p99.theirs is not None:
        found[p50.beside] = Delays(p50.theirs, p99.theirs)
    return p50.what.removesuffix(": p50"), found


def _draw_rates(axes: Axes, rates: Mapping[str, float]) -> None:
    most = max(rates.values())
    for place, (name, rate) in enumerate(rates.items()):
        axes.barh(place, rate, height=0.62, color=OURS if name == "ours" else THEIRS)
        axes.annotate(f" {short(rate)}", (rate, place), va="center", fontsize=9)
    axes.set_yticks(range(len(rates)), list(rates))
    axes.invert_yaxis()
    axes.set_xlim(0, most * 1.14)
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}")
    axes.set_title("Events that one process delivers to its readers")
    axes.set_xlabel("events/s, summed over all readers of one book")


def _draw_delays(axes: Axes, groups: Mapping[str, Mapping[str, Delays]]) -> None:
    place, ticks = 0, {}
    for title, delays in groups.items():
        axes.annotate(
            title,
            (0, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
            style="italic",
        )
        place += 1
        for name, (p50, p99) in delays.items():
            color = OURS if name == "ours" else THEIRS
            axes.plot([p50, p99], [place, place], color=color, linewidth=3, solid_capstyle="round")
            axes.plot([p50], [place], "o", color=color, markersize=7)
            axes.plot(
                [p99],
                [place],
                "o",
                color="white",
                markeredgecolor=color,
                markersize=7,
                markeredgewidth=2,
            )
            axes.annotate(f"{short(p50)}  ", (p50, place), va="center", ha="right", fontsize=8.5)
            axes.annotate(f"   {short(p99)}", (p99, place), va="center", fontsize=8.5)
            ticks[place] = name
            place += 1
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set_xscale("log")
    every = [each for group in groups.values() for delays in group.values() for each in delays]
    axes.set_xlim(min(every) / 3, max(every) * 2)
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,g}")
    axes.set_ylim(place - 0.4, -0.6)
    axes.grid(visible=True, axis="x", color="#e6eaee", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title("Delay of an event: p50 (filled) and p99 (hollow)")
    axes.set_xlabel("ms, logarithmic")


def core(report: Report) -> Figure | None:
    """Draw the time of one frame, divided into steps."""
    rows = [row for name, row in report.rows if name == "core" and row.ours is not None]
    whole = next((row for row in rows if row.beside == "json.loads"), None)
    if whole is None:
        return None
    steps = [row for row in rows if row.beside == "the whole"]
    figure, (axes,) = _figure(2.1)
    shades = ["#0c5e4e", "#12806a", "#3fa38b", "#7cc2b0"]
    left = 0.0
    for number, (row, shade) in enumerate(zip(steps, shades, strict=True)):
        width = row.ours or 0.0
        axes.barh(0, width, left=left, height=0.5, color=shade, edgecolor="white", linewidth=1.5)
        axes.annotate(
            f"{width:.1f}",
            (left + width / 2, 0),
            ha="center",
            va="center",
            fontsize=9,
            color="white" if number < 3 else INK,
        )
        axes.annotate(
            row.what.strip(),
            (left + width / 2, -0.36 - 0.24 * (number % 2)),
            ha="center",
            va="bottom",
            fontsize=8.5,
        )
        left += width
    axes.barh(0.75, whole.theirs or 0.0, height=0.5, color=THEIRS)
    if whole.theirs is not None:
        axes.annotate(f" {whole.theirs:.1f}", (whole.theirs, 0.75), va="center", fontsize=9)
    axes.annotate(f" {left:.1f}", (left, 0), va="center", fontsize=9, weight="bold")
    axes.set_yticks([0, 0.75], ["ours", "json.loads"])
    axes.set_ylim(1.1, -0.9)
    axes.set_xlim(0, max(left, whole.theirs or 0.0) * 1.08)
    axes.set_title("From the bytes of a frame to a verified book, in pure Python")
    axes.set_xlabel("us of one core")
    _foot(figure, report)
    return figure


PICTURES: Mapping[str, Callable[[Report], Figure | None]] = {
    "bench-goals.png": goals,
    "bench-peers.png": beside_peers,
    "bench-core.png": core,
}
