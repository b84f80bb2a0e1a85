"""The table of a report: figures, goals, verdicts."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from bench.report.rows import Goal, GoalVerdict, Row, median_ratio
from bench.report.table import Measured, Report

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
def test_ratio_that_misses_its_goal_is_bad(goal: Goal, value: float, verdict: GoalVerdict) -> None:
    row = Row(what="delivered", ours=100, unit="ms", beside="nchan", ratio=value, goal=goal)

    assert row.verdict is verdict
    assert report(row).is_good == (verdict is GoalVerdict.MET)


@pytest.mark.parametrize(
    ("value", "verdict"), [(99.9, GoalVerdict.MET), (100.0, GoalVerdict.MISSED)]
)
def test_figure_with_unit_that_misses_its_goal_is_printed_and_not_bad(
    value: float, verdict: GoalVerdict
) -> None:
    row = Row(what="p99", ours=value, unit="ms", beside="nchan", ratio=0.1, goal=DELAY)

    assert row.verdict is verdict
    assert report(row).is_good
    assert cells_of(printed(report(row)), "p99")[-2:] == ["< 100 ms", verdict.value]


def test_median_ratio_is_the_median_of_the_turns_ratios() -> None:
    assert median_ratio([1, 9, 8], [1, 3, 4]) == 2


def test_no_goal_counts_for_a_part_of_the_load() -> None:
    found = report(Row(what="delivered", ratio=1.0, goal=TIMES), scale=0.1)

    assert found.is_good
    assert "missed" not in printed(found)
    assert "10% of the load" in printed(found)


def test_row_that_was_not_measured_has_its_reason_and_is_not_bad() -> None:
    why = "nchan: apt-get install libnginx-mod-nchan"
    found = report(Row(what="delivered", ours=1000, unit="/s", goal=TIMES, not_measured=why))

    assert found.is_good
    assert not found.is_complete
    assert f"not measured: {why}" in printed(found)


def test_table_has_figure_peer_ratio_goal_and_verdict() -> None:
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


def test_report_survives_json() -> None:
    found = report(
        Row(what="delivered", ours=1.5, ratio=6.0, goal=TIMES), Row(what="p99", failed="no")
    )

    assert msgspec.json.decode(msgspec.json.encode(found), type=Report) == found


def test_table_has_details_only_on_request() -> None:
    found = report(Row(what="CPU", ours=1.0, unit="us", is_detail=True))
    console = Console(file=io.StringIO(), width=80)
    found.print(console, details=False)
    assert isinstance(console.file, io.StringIO)
    assert "CPU" not in console.file.getvalue()
    assert "CPU" in printed(found)
