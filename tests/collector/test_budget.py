"""So many in so long and no more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.budget import Budget

NOW = 5_000.0


def test_so_many_may_be_had_at_once_and_the_next_when_the_first_is_old() -> None:
    budget = Budget(3, 10.0)
    assert [budget.take(NOW), budget.take(NOW + 1), budget.take(NOW + 2)] == [True] * 3
    assert not budget.take(NOW + 2)
    assert budget.wait(NOW + 2) == 8.0
    assert not budget.take(NOW + 9.9)
    assert budget.take(NOW + 10)
    assert not budget.take(NOW + 10)
    assert budget.take(NOW + 11)


def test_none_may_be_had_in_a_pause() -> None:
    budget = Budget(3, 10.0)
    budget.pause(NOW + 5)
    assert budget.wait(NOW) == 5.0
    assert not budget.take(NOW + 4)
    assert budget.take(NOW + 5)


@given(st.integers(1, 5), st.lists(st.floats(0, 30), max_size=60))
def test_in_no_window_there_are_more(amount: int, steps: list[float]) -> None:
    budget, now, taken = Budget(amount, 10.0), NOW, []
    for step in steps:
        now += step
        if budget.take(now):
            taken.append(now)
        else:
            assert 0 < budget.wait(now) <= 10
    for at in taken:
        assert sum(at <= other < at + 10 for other in taken) <= amount
