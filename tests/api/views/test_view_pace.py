"""Views share a limited part of the time."""

from __future__ import annotations

import pytest

from api.views.view_pace import FIRST_SECONDS, ViewPace, estimate_seconds


def test_quick_view_keeps_its_interval() -> None:
    pace = ViewPace()
    pace.views = 100
    assert pace.pause_after(0.00001, 0.1) == 0.1


@pytest.mark.parametrize("views", [1, 10, 1000])
def test_slow_views_take_at_most_half_of_the_time(views: int) -> None:
    pace = ViewPace(max_busy=0.5)
    pace.views = views
    spent = 0.02
    busy = views * spent / (spent + pace.pause_after(spent, 0.0))
    assert busy == pytest.approx(0.5)


def test_one_interrupted_showing_does_not_stop_a_view() -> None:
    pace = ViewPace()
    pace.views = 100
    estimate = FIRST_SECONDS
    for spent in (0.0004, 0.0003, 0.04):
        estimate = estimate_seconds(spent, estimate)
    assert pace.pause_after(estimate, 0.05) < 0.5
    assert estimate_seconds(0.0003, estimate) == 0.0003


def test_estimate_of_a_slow_view_is_right_after_a_few_showings() -> None:
    estimate = FIRST_SECONDS
    for _ in range(6):
        estimate = estimate_seconds(0.05, estimate)
    assert estimate == 0.05
