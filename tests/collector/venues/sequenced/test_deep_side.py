"""The window of a deep book, compared with a naive model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.venues.sequenced.book.deep_side import Change, DeepSide
from collector.venues.sequenced.book.faults import WindowUnknown
from kraken_book.level import Level
from kraken_book.precision import Precision

PRECISION = Precision(1, 2)
DEPTH = 3

# Few prices, so that removals often hit known levels, and the window's end moves often.
ticks = st.integers(1, 12)
quantities = st.sampled_from(["", "0.01", "0.02", "5.00"])
messages = st.lists(st.lists(st.tuples(ticks, quantities), max_size=6), max_size=30)


class Reader:
    """A reader of events: it applies their levels, and keeps the best `depth`."""

    def __init__(self, direction: int, depth: int) -> None:
        self._direction = direction
        self._depth = depth
        self.levels: dict[int, str] = {}

    def apply(self, levels: list[Level]) -> None:
        for level in levels:
            if level.checksum_text:
                self.levels[level.ticks] = level.qty
            else:
                # Only known levels are removed from a reader's book.
                del self.levels[level.ticks]
        best = sorted(self.levels, key=lambda ticks: ticks * self._direction)[: self._depth]
        self.levels = {ticks: self.levels[ticks] for ticks in best}


def best_of(levels: dict[int, str], direction: int, depth: int) -> dict[int, str]:
    best = sorted(levels, key=lambda ticks: ticks * direction)[:depth]
    return {ticks: levels[ticks] for ticks in best}


@given(snapshot=messages, updates=messages, direction=st.sampled_from([1, -1]))
def test_reader_that_applies_the_differences_always_has_the_window(
    snapshot: list[list[Change]], updates: list[list[Change]], direction: int
) -> None:
    model = {ticks: qty for message in snapshot for ticks, qty in message if qty}
    side = DeepSide(direction, DEPTH, PRECISION)
    side.replace(model.items())
    reader = Reader(direction, DEPTH)
    reader.apply(side.window())
    for message in updates:
        for price, qty in message:
            model.pop(price, None)
            if qty:
                model[price] = qty
        difference = side.apply(message)
        before = dict(reader.levels)
        reader.apply(difference)
        assert reader.levels == best_of(model, direction, DEPTH)
        assert [level.ticks for level in side.window()] == list(reader.levels)
        # A difference names each level once, and is empty if the window is the same.
        assert len({level.ticks for level in difference}) == len(difference)
        assert bool(difference) == (before != reader.levels)


def test_uncovered_level_is_in_the_difference_although_no_message_names_it() -> None:
    side = DeepSide(1, 2, PRECISION)
    side.replace([(10, "1.00"), (11, "2.00"), (12, "3.00")])
    assert [tuple(level) for level in side.apply([(10, "")])] == [("1.0", "0.00"), ("1.2", "3.00")]


def test_unknown_removal_and_change_below_the_window_make_no_difference() -> None:
    side = DeepSide(-1, 2, PRECISION)
    side.replace([(12, "1.00"), (11, "2.00"), (10, "3.00")])
    assert side.apply([(15, ""), (10, "4.00"), (9, "1.00"), (11, "2.00")]) == []


def test_window_beyond_a_partial_snapshot_is_unknown() -> None:
    side = DeepSide(1, 2, PRECISION)
    side.replace([(10, "1.00"), (11, "1.00"), (12, "1.00")], is_whole=False)
    # A level beyond the snapshot is known only when it changes.
    assert side.apply([(20, "1.00")]) == []
    assert side.has_known(3)
    assert not side.has_known(4)
    side.apply([(10, "")])
    with pytest.raises(WindowUnknown):
        side.apply([(11, "")])


def test_side_with_too_many_levels_forgets_the_farthest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.venues.sequenced.book.deep_side.MAX_LEVELS", 20)
    side = DeepSide(1, 2, PRECISION)
    side.replace([(ticks, "1.00") for ticks in range(10, 30)])
    side.apply([(100, "1.00")])
    assert len(side) == 19
    assert side.has_known(19)
    assert not side.has_known(20)
