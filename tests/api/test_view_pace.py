"""Views share the time that there is."""

from __future__ import annotations

import pytest

from api.view_pace import ViewPace


def test_view_that_is_shown_quickly_keeps_its_interval() -> None:
    pace = ViewPace()
    pace.views = 100
    assert pace.pause_after(0.00001, 0.1) == 0.1


@pytest.mark.parametrize("views", [1, 10, 1000])
def test_views_that_take_long_leave_half_of_the_time(views: int) -> None:
    pace = ViewPace(most_busy=0.5)
    pace.views = views
    spent = 0.02
    busy = views * spent / (spent + pace.pause_after(spent, 0.0))
    assert busy == pytest.approx(0.5)
