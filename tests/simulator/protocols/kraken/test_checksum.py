"""The checksum of Kraken's example, and of books with few levels."""

import zlib

import pytest

from simulator.protocols.kraken.book_frames import checksum

# The book of Kraken's guide, in ticks (1 decimal) and lots (8 decimals).
BIDS = [
    (452835, 10000000),
    (452834, 154582015),
    (452821, 10000000),
    (452810, 10000000),
    (452803, 154592586),
    (452790, 7990000),
    (452776, 3310103),
    (452775, 30000000),
    (452773, 154602737),
    (452766, 15445238),
]
ASKS = [
    (452852, 100000),
    (452864, 154571953),
    (452866, 154571109),
    (452896, 154560911),
    (452902, 15890660),
    (452918, 154553491),
    (452947, 4454749),
    (452961, 35380000),
    (452975, 9945542),
    (452995, 18772827),
]


def test_checksum_of_the_example_in_krakens_guide() -> None:
    assert checksum(ASKS, BIDS) == 3310070434


def test_checksum_ignores_levels_below_the_tenth() -> None:
    assert checksum([*ASKS, (453000, 1)], [*BIDS, (452000, 1)]) == 3310070434


@pytest.mark.parametrize(
    ("asks", "bids", "text"),
    [
        ([(7, 20)], [(5, 3)], "72053"),
        ([], [(5, 3)], "53"),
        ([(7, 20)], [], "720"),
        ([], [], ""),
    ],
)
def test_checksum_of_books_with_few_levels_or_none(
    asks: list[tuple[int, int]], bids: list[tuple[int, int]], text: str
) -> None:
    assert checksum(asks, bids) == zlib.crc32(text.encode())
