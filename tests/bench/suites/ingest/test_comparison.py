"""The comparison of collector, peer and limit in a flood."""

from __future__ import annotations

import pytest

from bench.report.rows import GoalVerdict
from bench.suite import Progress
from bench.suites.ingest.comparison import Comparison, Round, compare
from bench.suites.ingest.run import Run


def rounds(*seconds: tuple[float, float, float]) -> tuple[Round, ...]:
    return tuple(
        Round(Run(100, ours), 1.0, Run(100, limit), Run(100, peer)) for ours, limit, peer in seconds
    )


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    found = Comparison(1, 100, 200.0, rounds((10, 1, 40), (1, 0.5, 6), (2, 2, 14)))

    beside_peer, of_limit, *_ = found.rows()

    assert beside_peer.ratio == 6
    assert of_limit.ratio == 0.5


@pytest.mark.process
def test_comparison_without_peer_measures_collector_and_limit() -> None:
    shares: list[float] = []

    progress = Progress(lambda _what, share: shares.append(share))
    (found,) = compare(0.05, progress, symbols=[3], with_peer=False)

    (run,) = found.rounds
    assert run.ours.updates == found.updates > 500
    # The limit also writes the events that the collector stored before the flood.
    assert run.limit.updates > run.ours.updates
    beside_peer, of_limit, *_ = found.rows()
    assert beside_peer.verdict is GoalVerdict.NOT_MEASURED
    assert "make peers" in beside_peer.why
    assert of_limit.ratio is not None
    assert shares == [0, 0.5]
