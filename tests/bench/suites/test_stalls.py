"""The verdict on the stalls of a service."""

from __future__ import annotations

from bench.load.loop_watch import Stall
from bench.report.rows import GoalVerdict
from bench.suites.stalls import AllStalls, Watched


def test_verdict_on_stall_uses_cpu_time_of_the_loop() -> None:
    def verdict(stall: Stall) -> GoalVerdict:
        row, *_ = AllStalls(1, 1, [Watched("api", [], [], [stall])]).rows()
        return row.verdict

    # CPU time before the beat was due does not belong to the stall.
    assert verdict(Stall(1.0, 0.2, 0.01, 0.0, "")) is GoalVerdict.MET
    assert verdict(Stall(1.0, 0.049, 0.06, 0.0, "")) is GoalVerdict.MET
    assert verdict(Stall(1.0, 0.2, 0.06, 0.0, "")) is GoalVerdict.MISSED
