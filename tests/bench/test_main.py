"""`python -m bench`: the choice of suites, the progress, the pictures and the exit code."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench.__main__ import main, measure_all
from bench.catalogue import SUITES
from bench.report.rows import Goal, Row
from bench.report.table import Report
from bench.suite import MeasureFailed, Progress, Suite

TIMES = Goal("at least", 5)


def table_of(found: Report) -> str:
    console = Console(file=io.StringIO(), width=80)
    found.print(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def good(_scale: float, progress: Progress) -> Iterable[Row]:
    progress.expect(2)
    progress("one turn")
    progress("another")
    return [Row(what="delivered", ratio=6.0, goal=TIMES)]


def bad(_scale: float, _progress: Progress) -> Iterable[Row]:
    raise MeasureFailed("3 of 1,000 readers missed an event")


def measured(*suites: Suite, scale: float = 1.0) -> tuple[Report, str]:
    """Run the suites; return the report and the printed progress."""
    console = Console(file=io.StringIO(), width=80)
    found = measure_all(suites, scale, console)
    assert isinstance(console.file, io.StringIO)
    return found, console.file.getvalue()


@pytest.mark.process
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_failed_suite_has_a_row_with_its_error_and_the_others_run(
    scale: float,
) -> None:
    found, _ = measured(
        Suite("fan_out", "readers of one book", bad, 1),
        Suite("depth", "answers", good, 1),
        scale=scale,
    )

    assert [row.what for _, row in found.rows] == ["readers of one book", "delivered"]
    assert "failed: MeasureFailed: 3 of 1,000 readers missed an event" in table_of(found)
    assert not found.is_good


@pytest.mark.process
def test_progress_in_a_file_is_a_line_for_each_step() -> None:
    _, progress = measured(Suite("depth", "answers", good, 30), Suite("core", "", good, 10))

    assert progress.splitlines() == [
        "  0% depth: one turn",
        " 38% depth: another",
        " 75% core: one turn",
        " 88% core: another",
    ]


def draw_nothing(_report: Report, folder: Path) -> str:
    folder.mkdir()
    return "drawn"


def run(tmp_path: Path, *arguments: str, others: Sequence[Suite] = ()) -> int:
    suites = [Suite("depth", "answers", good, 1), *others]
    return main(arguments, suites, tmp_path / "docs", draw_nothing)


@pytest.mark.process
def test_complete_run_is_drawn_into_docs(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    assert (tmp_path / "docs").exists()


@pytest.mark.process
def test_run_with_a_part_of_the_load_is_not_drawn_into_docs(tmp_path: Path) -> None:
    assert run(tmp_path, "--scale", "0.1") == 0
    assert not (tmp_path / "docs").exists()


@pytest.mark.process
def test_optional_suite_runs_only_by_its_name(tmp_path: Path) -> None:
    others = [Suite("hand_over", "a second collector", bad, 1, is_default=False)]
    assert run(tmp_path, others=others) == 0
    assert run(tmp_path, "--only", "hand_over", others=others) == 1


def test_names_of_suites_are_unique() -> None:
    names = [suite.name for suite in SUITES]
    assert len(set(names)) == len(names)


@pytest.mark.process
def test_run_of_one_suite_is_not_drawn_into_docs(tmp_path: Path) -> None:
    others = [Suite("core", "", good, 1)]
    assert run(tmp_path, "--only", "depth", others=others) == 0
    assert not (tmp_path / "docs").exists()


@pytest.mark.process
def test_json_option_writes_the_figures(tmp_path: Path) -> None:
    run(tmp_path, "--json", str(tmp_path / "report.json"))

    found = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert [row.ratio for _, row in found.rows] == [6.0]
