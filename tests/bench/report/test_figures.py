"""The pictures of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report import figures, goals
from bench.report.rows import Goal, Row
from bench.report.table import Measured, Report


def report(row: Row) -> Report:
    return Report("2 cores", 1.0, [Measured("fan_out", 1.0, [row])])


# matplotlib asks the system for its fonts at its first import.
@pytest.mark.process
def test_only_pictures_with_figures_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    line = figures.draw(report(Row(what="delivered", ratio=6.0, goal=goals.STALL)), tmp_path)
    assert "nothing" in line
    line = figures.draw(
        report(Row(what="delivered", ratio=6.0, goal=Goal("at least", 5))), tmp_path
    )
    assert [file.name for file in tmp_path.iterdir()] == ["bench-goals.png"]
