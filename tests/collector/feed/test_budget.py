"""Rate limits, of one user and shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.feed.budget import Budget, SharedBudget

NOW = 5_000.0


def test_budget_allows_its_amount_at_once_and_more_after_its_period() -> None:
    budget = Budget(3, 10.0)
    assert [budget.take(NOW), budget.take(NOW + 1), budget.take(NOW + 2)] == [True] * 3
    assert not budget.take(NOW + 2)
    assert budget.wait(NOW + 2) == 8.0
    assert not budget.take(NOW + 9.9)
    assert budget.take(NOW + 10)
    assert not budget.take(NOW + 10)
    assert budget.take(NOW + 11)


def test_paused_budget_allows_none() -> None:
    budget = Budget(3, 10.0)
    budget.pause(NOW + 5)
    assert budget.wait(NOW) == 5.0
    assert not budget.take(NOW + 4)
    assert budget.take(NOW + 5)


@given(st.integers(1, 5), st.lists(st.floats(0, 30), max_size=60))
def test_budget_never_exceeds_its_amount_in_any_period(amount: int, steps: list[float]) -> None:
    budget, now, taken = Budget(amount, 10.0), NOW, []
    for step in steps:
        now += step
        if budget.take(now):
            taken.append(now)
        else:
            assert 0 < budget.wait(now) <= 10
    for at in taken:
        assert sum(at <= other < at + 10 for other in taken) <= amount


@given(
    st.integers(1, 12),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 4), st.floats(0, 5)), max_size=80),
)
def test_shared_budget_never_exceeds_its_amount_in_any_period(
    amount: int, members: int, steps: list[tuple[int, float]]
) -> None:
    budget, now, taken = SharedBudget(amount, 10.0), NOW, []
    shares = [budget.join() for _ in range(members)]
    for member, step in steps:
        now += step
        share = shares[member % members]
        if share.take(now):
            taken.append(now)
        else:
            assert 0 < share.wait(now) <= 10
    for at in taken:
        assert sum(at <= other < at + 10 for other in taken) <= amount


def test_greedy_member_leaves_the_others_their_parts() -> None:
    budget = SharedBudget(60, 600.0)
    greedy, *others = [budget.join() for _ in range(3)]
    now = NOW
    for _ in range(2000):
        now += 1
        greedy.take(now)
        if now % 300 == 0:
            assert all(other.take(now) for other in others), "each has its reserved part"
    assert sum(other.take(now) for other in others for _ in range(5)) == 10


def test_only_member_can_use_the_whole_amount() -> None:
    share = SharedBudget(60, 600.0).join()
    assert sum(share.take(NOW) for _ in range(100)) == 60


def test_members_share_half_of_an_amount_smaller_than_their_number() -> None:
    budget = SharedBudget(4, 600.0)
    shares = [budget.join() for _ in range(6)]
    assert [shares[0].take(NOW) for _ in range(3)] == [True, True, False], "half is reserved"
    assert [share.take(NOW) for share in shares[1:]] == [True, True, False, False, False]
    assert shares[4].wait(NOW) == 600.0
