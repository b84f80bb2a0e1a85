"""`make bench`: what it says of goals, and what it ends with."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench import __main__ as bench_main
from bench.catalogue import SUITES
from bench.report import figures, goals
from bench.report.rows import Goal, GoalVerdict, Row, median_ratio
from bench.report.table import Measured, Report
from bench.suite import MeasureFailed, Progress, Suite

TIMES = Goal("at least", 5)
MOST = Goal("at most", 1.5)
DELAY = Goal("under", 100, "ms")


def report(*rows: Row, scale: float = 1.0) -> Report:
    return Report("2 cores", scale, [Measured("fan_out", 1.0, list(rows))])


def printed(found: Report) -> str:
    console = Console(file=io.StringIO(), width=80)
    found.print(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells_of(text: str, what: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if what in line]
    return [cell.strip() for cell in line.strip(" |").split("|")]


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        (TIMES, 5.0, GoalVerdict.MET),
        (TIMES, 4.99, GoalVerdict.MISSED),
        (MOST, 1.5, GoalVerdict.MET),
        (MOST, 1.51, GoalVerdict.MISSED),
    ],
)
def test_a_ratio_that_misses_its_goal_is_bad(
    goal: Goal, value: float, verdict: GoalVerdict
) -> None:
    row = Row(what="delivered", ours=100, unit="ms", beside="nchan", ratio=value, goal=goal)

    assert row.verdict is verdict
    assert report(row).is_good == (verdict is GoalVerdict.MET)


@pytest.mark.parametrize(
    ("value", "verdict"), [(99.9, GoalVerdict.MET), (100.0, GoalVerdict.MISSED)]
)
def test_a_figure_with_a_unit_is_told_and_decides_nothing(
    value: float, verdict: GoalVerdict
) -> None:
    row = Row(what="p99", ours=value, unit="ms", beside="nchan", ratio=0.1, goal=DELAY)

    assert row.verdict is verdict
    assert report(row).is_good
    assert cells_of(printed(report(row)), "p99")[-2:] == ["< 100 ms", verdict.value]


def test_a_ratio_is_the_median_of_the_turns_ratios() -> None:
    assert median_ratio([1, 9, 8], [1, 3, 4]) == 2


def test_of_a_part_of_the_load_no_goal_counts() -> None:
    found = report(Row(what="delivered", ratio=1.0, goal=TIMES), scale=0.1)

    assert found.is_good
    assert "missed" not in printed(found)
    assert "10% of the load" in printed(found)


def test_what_was_not_measured_says_why_and_is_not_bad() -> None:
    why = "nchan: apt-get install libnginx-mod-nchan"
    found = report(Row(what="delivered", ours=1000, unit="/s", goal=TIMES, not_measured=why))

    assert found.is_good
    assert not found.is_complete
    assert f"not measured: {why}" in printed(found)


def test_the_table_has_figure_peer_ratio_goal_and_verdict() -> None:
    row = Row(
        what="delivered",
        ours=981_075,
        unit="events/s",
        beside="nchan",
        theirs=49_818,
        ratio=19.7,
        goal=TIMES,
    )

    assert cells_of(printed(report(row)), "delivered") == [
        *("fan_out", "delivered", "981,075 events/s"),
        *("nchan 49,818", "19.7x", "≥ 5x", "met"),
    ]


def good(_scale: float, progress: Progress) -> Iterable[Row]:
    progress.expect(2)
    progress("one turn")
    progress("another")
    return [Row(what="delivered", ratio=6.0, goal=TIMES)]


def bad(_scale: float, _progress: Progress) -> Iterable[Row]:
    raise MeasureFailed("3 of 1,000 readers missed an event")


def measured(*suites: Suite, scale: float = 1.0) -> tuple[Report, str]:
    """What they found, and what they told meanwhile."""
    console = Console(file=io.StringIO(), width=80)
    found = bench_main.measure_all(suites, scale, console)
    assert isinstance(console.file, io.StringIO)
    return found, console.file.getvalue()


@pytest.mark.process
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_where_one_fails_its_row_says_how_the_others_go_on_and_all_is_not_good(
    scale: float,
) -> None:
    found, _ = measured(
        Suite("fan_out", "readers of one book", bad, 1),
        Suite("depth", "answers", good, 1),
        scale=scale,
    )

    assert [row.what for _, row in found.rows] == ["readers of one book", "delivered"]
    assert "failed: MeasureFailed: 3 of 1,000 readers missed an event" in printed(found)
    assert not found.is_good


@pytest.mark.process
def test_where_it_is_no_terminal_each_step_has_a_line_with_its_share_of_all() -> None:
    _, told = measured(Suite("depth", "answers", good, 30), Suite("core", "", good, 10))

    assert told.splitlines() == [
        "  0% depth: one turn",
        " 38% depth: another",
        " 75% core: one turn",
        " 88% core: another",
    ]


def test_a_report_is_the_same_from_its_json() -> None:
    found = report(
        Row(what="delivered", ours=1.5, ratio=6.0, goal=TIMES), Row(what="p99", failed="no")
    )

    assert msgspec.json.decode(msgspec.json.encode(found), type=Report) == found


def run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *arguments: str,
    others: Sequence[Suite] = (),
) -> int:
    suites = [Suite("depth", "answers", good, 1), *others]
    monkeypatch.setattr(bench_main, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(bench_main, "SUITES", suites)
    monkeypatch.setattr(figures, "draw", lambda _report, folder: folder.mkdir() or "drawn")
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    return bench_main.main()


@pytest.mark.process
def test_a_whole_run_is_drawn_into_docs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path) == 0
    assert (tmp_path / "docs").exists()


@pytest.mark.process
def test_a_tenth_never_draws_over_docs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, "--scale", "0.1") == 0
    assert not (tmp_path / "docs").exists()


@pytest.mark.process
def test_optional_suite_runs_only_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    others = [Suite("hand_over", "a second collector", bad, 1, is_default=False)]
    assert run(monkeypatch, tmp_path, others=others) == 0
    assert run(monkeypatch, tmp_path, "--only", "hand_over", others=others) == 1


def test_details_are_in_the_table_if_asked_for() -> None:
    found = report(Row(what="CPU", ours=1.0, unit="us", is_detail=True))
    console = Console(file=io.StringIO(), width=80)
    found.print(console, details=False)
    assert isinstance(console.file, io.StringIO)
    assert "CPU" not in console.file.getvalue()
    assert "CPU" in printed(found)


def test_every_suite_has_a_name_of_its_own() -> None:
    names = [suite.name for suite in SUITES]
    assert len(set(names)) == len(names)


@pytest.mark.process
def test_one_alone_never_draws_over_docs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    others = [Suite("core", "", good, 1)]
    assert run(monkeypatch, tmp_path, "--only", "depth", others=others) == 0
    assert not (tmp_path / "docs").exists()


@pytest.mark.process
def test_its_figures_are_in_a_file_where_one_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(monkeypatch, tmp_path, "--json", str(tmp_path / "report.json"))

    found = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert [row.ratio for _, row in found.rows] == [6.0]


def test_the_pictures_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    said = figures.draw(report(Row(what="delivered", ratio=6.0, goal=goals.STALL)), tmp_path)
    assert "nothing" in said
    said = figures.draw(report(Row(what="delivered", ratio=6.0, goal=TIMES)), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["bench-goals.png"]
