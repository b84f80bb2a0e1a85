"""The check of the collector's events and books in Redis after a flood."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import pytest

from bench.suite import MeasureFailed
from bench.suites.ingest.collector import Stored, check

CHECKSUM = crc32(b"1012095010")


def stored(seqs: Sequence[int], bid: str = "9.50", checksum: int = CHECKSUM) -> Stored:
    book = {
        b"asks": b'[["10.1","2.0"]]',
        b"bids": f'[["{bid}","1.0"]]'.encode(),
        b"checksum": str(checksum).encode(),
    }
    return Stored(seqs, [], book)


def test_check_accepts_every_seq_and_the_last_book() -> None:
    check("BTC/USD", stored([1, 2, 3, 4, 5]), after=2, last=5, checksum=CHECKSUM)


@pytest.mark.parametrize("seqs", [[1, 2, 3, 5], [1, 2, 3, 4], [3, 4, 5, 6], [2, 4, 3, 5]])
def test_check_refuses_missing_seq(seqs: Sequence[int]) -> None:
    with pytest.raises(MeasureFailed, match="every seq"):
        check("BTC/USD", stored(seqs), after=2, last=5, checksum=CHECKSUM)


@pytest.mark.parametrize(
    ("bid", "checksum"), [("9.51", CHECKSUM), ("9.50", CHECKSUM + 1)], ids=["levels", "checksum"]
)
def test_check_refuses_last_book_that_differs_from_the_feeds(bid: str, checksum: int) -> None:
    with pytest.raises(MeasureFailed, match="last book"):
        check("BTC/USD", stored([1], bid, checksum), after=0, last=1, checksum=CHECKSUM)
