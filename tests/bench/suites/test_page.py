"""The tasks of a page in a trace of its browser."""

from __future__ import annotations

from typing import Any

import pytest

from bench.report.rows import GoalVerdict
from bench.suites.page import Task, rows_of, tasks_of


def event(name: str, tid: int, **members: Any) -> dict[str, Any]:
    return {"name": name, "pid": 1, "tid": tid, "args": {}, **members}


def test_tasks_are_those_of_the_busiest_main_thread() -> None:
    names = {1: "CrRendererMain", 2: "CrRendererMain", 3: "Compositor"}
    events = [event("thread_name", tid, args={"name": name}) for tid, name in names.items()]
    events += [
        event("RunTask", 1, dur=9_000_000, tdur=1_000),
        event("RunTask", 2, dur=200_000, tdur=30_000),
        event("RunTask", 2, dur=5_000),
        event("RunTask", 2),
        event("Paint", 2, dur=900_000, tdur=900_000),
        event("RunTask", 3, dur=900_000, tdur=900_000),
    ]
    tasks = tasks_of(events)
    assert tasks == [Task(0.2, 0.03), Task(0.005, 0.005)]
    longest, late, busy = rows_of(tasks, took=1.0)
    # The goal is for the page's own time, because other programs use the cores too.
    assert (longest.ours, longest.verdict) == (30.0, GoalVerdict.MET)
    assert late.ours == 1
    assert busy.ours == pytest.approx(3.5)
