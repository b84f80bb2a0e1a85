"""One symbol's subscription: when it is to be asked for, and when an answer is overdue."""

from __future__ import annotations

import pytest

from collector.venues.kraken.subscription import State, Subscription

NOW = 1000.0


@pytest.fixture
def subscription() -> Subscription:
    return Subscription("BTC/USD")


def test_a_new_one_is_to_be_asked_for_at_once(subscription: Subscription) -> None:
    assert subscription.state is State.WAITING
    assert subscription.to_ask(NOW)
    assert not subscription.unanswered(NOW + 1000)


@pytest.mark.parametrize("state", [State.ASKED, State.ACKNOWLEDGED, State.LEAVING])
def test_what_was_asked_has_10_s(subscription: Subscription, state: State) -> None:
    subscription.move(state, NOW)
    assert not subscription.unanswered(NOW + 9.9)
    assert subscription.unanswered(NOW + 10)
    assert not subscription.to_ask(NOW + 1000)


@pytest.mark.parametrize("state", [State.LIVE, State.WAITING, State.REFUSED])
def test_others_await_no_answer(subscription: Subscription, state: State) -> None:
    subscription.move(state, NOW)
    assert not subscription.unanswered(NOW + 1000)


def test_a_refused_one_is_retried_after_60_s(subscription: Subscription) -> None:
    subscription.move(State.REFUSED, NOW)
    assert not subscription.to_ask(NOW + 59.9)
    assert subscription.to_ask(NOW + 60)


def test_a_first_doubt_leaves_and_asks_again_at_once(subscription: Subscription) -> None:
    subscription.move(State.LIVE, NOW)
    subscription.doubt(NOW, may_ask=True)
    assert subscription.state is State.LEAVING
    assert not subscription.to_ask(NOW)
    subscription.move(State.WAITING, NOW)
    assert subscription.to_ask(NOW)


def test_doubts_that_follow_wait_longer_up_to_a_minute(subscription: Subscription) -> None:
    waits = []
    for number in range(12):
        subscription.doubt(NOW + number, may_ask=True)
        waits.append(subscription.due - NOW - number)
    assert waits[0] == 0
    assert all(1 <= wait <= 60 for wait in waits[1:])
    assert waits[3] >= 2
    assert waits[-1] >= 30


def test_after_a_minute_of_being_right_it_is_a_first_doubt_again(
    subscription: Subscription,
) -> None:
    subscription.doubt(NOW, may_ask=True)
    subscription.doubt(NOW + 1, may_ask=True)
    assert subscription.due > NOW + 1
    subscription.move(State.LIVE, NOW + 10)
    subscription.doubt(NOW + 70, may_ask=True)
    assert subscription.due == NOW + 70


def test_waiting_to_be_asked_again_is_no_time_of_being_right(subscription: Subscription) -> None:
    now = NOW
    for _ in range(10):
        subscription.doubt(now, may_ask=True)
        now += 1
    # The last wait was half a minute at least; then it is right for another half.
    live_at = max(now, subscription.due)
    subscription.move(State.WAITING, live_at)
    subscription.move(State.ASKED, live_at)
    subscription.move(State.ACKNOWLEDGED, live_at)
    subscription.move(State.LIVE, live_at)
    subscription.doubt(live_at + 31, may_ask=True)
    assert subscription.due > live_at + 31
