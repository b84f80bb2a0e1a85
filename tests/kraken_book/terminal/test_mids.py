"""The mids of the last minutes and their line of blocks."""

from __future__ import annotations

from decimal import Decimal

from kraken_book.terminal.mids import MAX_SAMPLES, SAMPLE_SECONDS, Mid, MidHistory, sparkline


def mids(*values: int | None) -> list[Mid]:
    return [None if value is None else Decimal(value) for value in values]


def test_sparkline_goes_from_the_lowest_to_the_highest_block() -> None:
    assert sparkline(mids(0, 1, 2, 3, 4, 5, 6, 7), 20) == "▁▂▃▄▅▆▇█"
    assert sparkline(mids(1, 0), 20) == "█▁"


def test_sparkline_of_equal_mids_is_flat_and_shows_gaps() -> None:
    assert sparkline(mids(5, None, 5), 20) == "▄·▄"


def test_sparkline_needs_two_mids() -> None:
    assert sparkline(mids(5, None), 20) == ""
    assert sparkline([], 20) == ""


def test_narrow_sparkline_shows_the_last_mid_of_each_cell() -> None:
    assert sparkline(mids(9, 0, 9, 7, None, None), 3) == "▁▆·"


def test_history_has_one_sample_for_each_interval() -> None:
    history, values = MidHistory(), iter(mids(*range(10)))
    for now in (0.0, 0.5, SAMPLE_SECONDS - 0.1, SAMPLE_SECONDS, SAMPLE_SECONDS + 0.5):
        history.record(now, ["A"], lambda _: next(values))
    assert list(history.of("A")) == mids(0, 1)


def test_history_begins_with_the_first_mid() -> None:
    history, values = MidHistory(), iter(mids(None, 1, None))
    for sample in range(3):
        history.record(sample * SAMPLE_SECONDS, ["A"], lambda _: next(values))
    assert list(history.of("A")) == mids(1, None)


def test_missed_samples_are_gaps() -> None:
    history = MidHistory()
    history.record(0.0, ["A"], lambda _: Decimal(1))
    history.record(3.5 * SAMPLE_SECONDS, ["A"], lambda _: Decimal(2))
    assert list(history.of("A")) == mids(1, None, None, 2)


def test_history_is_bounded_and_forgets_closed_ladders() -> None:
    history = MidHistory()
    for sample in range(3 * MAX_SAMPLES):
        history.record(sample * SAMPLE_SECONDS, ["A", "B"], lambda _: Decimal(1))
    assert len(history.of("A")) == MAX_SAMPLES
    history.record(1e6, ["B"], lambda _: Decimal(2))
    assert history.of("A") == ()
    assert list(history.of("B")) == [*[None] * (MAX_SAMPLES - 1), Decimal(2)]
