"""Delays grow after each failure, and differ between clients."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kraken_book.backoff import Backoff


def delays(count: int, **bounds: float) -> list[float]:
    backoff = Backoff(**bounds)
    return [backoff.next() for _ in range(count)]


def test_every_delay_is_between_1_and_60_s() -> None:
    for _ in range(20):
        assert all(1 <= delay <= 60 for delay in delays(2000))


def test_delays_double_up_to_the_limit() -> None:
    runs = [delays(10) for _ in range(200)]
    greatest = [max(run[n] for run in runs) for n in range(10)]
    least = [min(run[n] for run in runs) for n in range(10)]
    assert greatest[0] <= 2
    assert all(before < after for before, after in pairwise(greatest[:6]))
    assert least[4] >= 8
    assert least[-1] >= 30


def test_delays_of_clients_that_failed_together_differ() -> None:
    for number in (0, 3, 9):
        assert len({round(delays(10)[number], 6) for _ in range(50)}) > 25


@pytest.mark.parametrize(("least", "most"), [(0.5, 2.0), (5.0, 5.0)])
def test_delays_stay_within_other_limits(least: float, most: float) -> None:
    assert all(least / 2 <= delay <= most for delay in delays(500, least=least, most=most))


def test_reset_starts_with_a_small_delay() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 2
