"""The comparison of collector, peers and limit in a flood."""

from __future__ import annotations

import pytest

from bench.report.goals import INGEST_BESIDE_CRYPTOFEED, INGEST_CPU, INGEST_OF_LIMIT
from bench.report.rows import GoalVerdict, Row
from bench.suite import Progress
from bench.suites.ingest.collector import FramePath, paths
from bench.suites.ingest.comparison import Comparison, PathRun, Round, compare
from bench.suites.ingest.peer import PeerRun
from bench.suites.ingest.run import Run


def in_seconds(seconds: float) -> Run:
    return Run(100, seconds, 0.001)


def comparison(*rounds: tuple[float, float, float, float], path: FramePath) -> Comparison:
    """Return rounds in which 100 updates took a path, the limit and two peers so many seconds."""
    return Comparison(
        1,
        tuple(
            Round(
                {path: PathRun(in_seconds(ours), 1.0)},
                in_seconds(limit),
                {
                    "cryptofeed 2.4": PeerRun(in_seconds(older), 100),
                    "cryptofeed 3.0": PeerRun(in_seconds(newer), 400),
                },
            )
            for ours, limit, older, newer in rounds
        ),
    )


ROUNDS = ((10, 1, 80, 40), (1, 0.5, 70, 6), (2, 2, 60, 14))


def row_of(found: Comparison, what: str, beside: str = "") -> Row:
    (row,) = [row for row in found.rows() if row.what == what and row.beside == beside]
    return row


def test_ratio_is_the_median_of_the_rounds_ratios_to_the_better_peer() -> None:
    found = comparison(*ROUNDS, path="compiled")

    assert row_of(found, "ingest, 1 symbol, compiled", "cryptofeed 3.0").ratio == 6
    assert row_of(found, "ingest, 1 symbol, compiled", "Redis's limit").ratio == 0.5


def test_rows_of_the_compiled_path_have_the_goals() -> None:
    goals = [row.goal for row in comparison(*ROUNDS, path="compiled").rows() if row.goal]

    assert goals == [INGEST_BESIDE_CRYPTOFEED[1], INGEST_OF_LIMIT[1], INGEST_CPU[1]]


def test_without_compiled_module_its_goal_is_not_measured_and_the_pure_rows_have_none() -> None:
    with_goal = [row for row in comparison(*ROUNDS, path="pure").rows() if row.goal]

    assert [row.what for row in with_goal] == ["ingest, 1 symbol, compiled"]
    assert with_goal[0].verdict is GoalVerdict.NOT_MEASURED


def test_share_that_a_peer_dropped_is_a_detail() -> None:
    found = comparison(*ROUNDS, path="compiled")

    assert row_of(found, "1 symbol, cryptofeed 3.0: dropped before Redis").ours == 75
    assert row_of(found, "1 symbol, cryptofeed 2.4: dropped before Redis").ours == 0


@pytest.mark.process
def test_comparison_without_peers_measures_each_path_and_the_limit() -> None:
    shares: list[float] = []

    progress = Progress(lambda _what, share: shares.append(share))
    (found,) = compare(0.02, progress, symbols=[3], peers=[])

    (measured,) = found.rounds
    assert tuple(measured.ours) == paths()
    used = measured.ours[paths()[0]].run
    assert used.updates > 500
    # The limit also writes the events that the collector stored before the flood.
    assert measured.limit.updates > used.updates
    beside_peer, of_limit, *_ = (row for row in found.rows() if row.ours is not None)
    assert "make peers" in beside_peer.why
    assert of_limit.ratio is not None
    assert shares == [0, 0.5]
