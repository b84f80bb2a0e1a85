"""The benchmark of ingest: it works, and gives no figure where an update is missing or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import pytest

from bench.report.rows import GoalVerdict
from bench.suite import MeasureFailed, Progress
from bench.suites.ingest import comparison
from bench.suites.ingest.collector import Stored, check
from bench.suites.ingest.comparison import Comparison, Round, compare
from bench.suites.ingest.run import Run

CHECKSUM = crc32(b"1012095010")


def stored(seqs: Sequence[int], bid: str = "9.50", checksum: int = CHECKSUM) -> Stored:
    book = {
        b"asks": b'[["10.1","2.0"]]',
        b"bids": f'[["{bid}","1.0"]]'.encode(),
        b"checksum": str(checksum).encode(),
    }
    return Stored([(f"1700000000000-{seq}".encode(), {}) for seq in seqs], book)


def test_every_seq_and_the_last_book_are_as_they_must_be() -> None:
    check("BTC/USD", stored([1, 2, 3, 4, 5]), after=2, last=5, checksum=CHECKSUM)


@pytest.mark.parametrize("seqs", [[1, 2, 3, 5], [1, 2, 3, 4], [3, 4, 5, 6], [2, 4, 3, 5]])
def test_a_seq_that_is_missing_is_no_figure(seqs: Sequence[int]) -> None:
    with pytest.raises(MeasureFailed, match="every seq"):
        check("BTC/USD", stored(seqs), after=2, last=5, checksum=CHECKSUM)


@pytest.mark.parametrize(
    ("bid", "checksum"), [("9.51", CHECKSUM), ("9.50", CHECKSUM + 1)], ids=["levels", "checksum"]
)
def test_a_last_book_that_is_not_the_feeds_is_no_figure(bid: str, checksum: int) -> None:
    with pytest.raises(MeasureFailed, match="last book"):
        check("BTC/USD", stored([1], bid, checksum), after=0, last=1, checksum=CHECKSUM)


def rounds(*seconds: tuple[float, float, float]) -> tuple[Round, ...]:
    return tuple(
        Round(Run(100, ours), 1.0, Run(100, limit), Run(100, peer)) for ours, limit, peer in seconds
    )


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    found = Comparison(1, 100, 200.0, rounds((10, 1, 40), (1, 0.5, 6), (2, 2, 14)))

    beside_peer, of_limit, *_ = found.rows()

    assert beside_peer.ratio == 6
    assert of_limit.ratio == 0.5


@pytest.mark.process
def test_without_the_peer_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "is_installed", lambda: False)
    shares: list[float] = []

    progress = Progress(lambda _what, share: shares.append(share))
    (found,) = compare(0.05, progress, symbols=[3])

    (run,) = found.rounds
    assert run.ours.updates == found.updates > 500
    # What was there before the flood is in it too.
    assert run.limit.updates > run.ours.updates
    beside_peer, of_limit, *_ = found.rows()
    assert beside_peer.verdict is GoalVerdict.NOT_MEASURED
    assert "make peers" in beside_peer.why
    assert of_limit.ratio is not None
    assert shares == [0, 0.5]
