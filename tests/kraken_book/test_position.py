"""Positions: their order, and the events between two of them."""

import pytest

from kraken_book.position import NOWHERE, Position


def test_positions_are_ordered_by_epoch_then_seq() -> None:
    positions = [Position(2, 0), Position(1, 6), NOWHERE, Position(1, 5)]
    assert sorted(positions) == [NOWHERE, Position(1, 5), Position(1, 6), Position(2, 0)]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (Position(7, 21), True),
        (Position(7, 22), False),
        (Position(7, 20), False),
        (Position(8, 21), False),
    ],
)
def test_only_the_next_seq_of_the_epoch_is_right_after(position: Position, expected: bool) -> None:
    assert position.is_right_after(Position(7, 20)) is expected


@pytest.mark.parametrize(
    ("position", "expected"),
    [(Position(7, 25), 5), (Position(7, 20), 0), (Position(7, 19), 0), (Position(8, 25), None)],
)
def test_events_since_counts_within_an_epoch_only(position: Position, expected: int | None) -> None:
    assert position.events_since(Position(7, 20)) == expected
