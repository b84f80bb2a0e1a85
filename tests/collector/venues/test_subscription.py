"""One symbol's subscription: its states, its timers, and the status of its book."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.feed.books import SymbolBook
from collector.venues.session import RequestsUnanswered
from collector.venues.subscription import (
    TRANSITIONS,
    Clock,
    Event,
    State,
    Subscription,
)
from tests.collector.venues.kraken.kraken_side import (
    BTC,
    QUIET_SECONDS,
    Conversation,
    acknowledged,
    instruments,
    refused,
)

NOW = 1000.0

# The shortest sequence of events to each state.
WAYS: dict[State, list[Event]] = {
    State.WAITING: [],
    State.ASKED: [Event.REQUESTED],
    State.UNANSWERED: [Event.REQUESTED, Event.TIMED_OUT],
    State.ACKNOWLEDGED: [Event.REQUESTED, Event.ACKNOWLEDGED],
    State.LIVE: [Event.REQUESTED, Event.ACKNOWLEDGED, Event.VERIFIED],
    State.LEAVING: [Event.REQUESTED, Event.ACKNOWLEDGED, Event.DOUBTED],
    State.REFUSED: [Event.REQUESTED, Event.REFUSED],
}


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def subscription(clock: Clock) -> Subscription:
    return Subscription(SymbolBook(BTC, 10, "simulated"), clock)


def bring_to(subscription: Subscription, state: State) -> None:
    for event in WAYS[state]:
        assert subscription.move(event, "no reason")
    assert subscription.state is state


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_move_follows_the_table_and_ignores_other_events(
    subscription: Subscription, state: State, event: Event
) -> None:
    bring_to(subscription, state)
    expected = TRANSITIONS.get((event, state))
    assert subscription.move(event, "no reason") is (expected is not None)
    assert subscription.state is (expected or state)


def test_new_subscription_is_due_at_once(subscription: Subscription, clock: Clock) -> None:
    assert subscription.state is State.WAITING
    assert subscription.is_to_be_asked
    clock.now += 1000
    assert not subscription.is_overdue


@pytest.mark.parametrize("state", [State.ASKED, State.ACKNOWLEDGED, State.LEAVING])
def test_answer_is_overdue_after_10_s(
    subscription: Subscription, clock: Clock, state: State
) -> None:
    bring_to(subscription, state)
    seen = []
    for clock.now in (NOW + 9.9, NOW + 10, NOW + 1000):
        seen.append((subscription.is_overdue, subscription.is_to_be_asked))
    assert seen == [(False, False), (True, False), (True, False)]


@pytest.mark.parametrize("state", [State.LIVE, State.WAITING, State.UNANSWERED, State.REFUSED])
def test_state_without_a_pending_answer_is_never_overdue(
    subscription: Subscription, clock: Clock, state: State
) -> None:
    bring_to(subscription, state)
    clock.now += 1000
    assert not subscription.is_overdue


def test_refused_subscription_is_due_after_60_s(subscription: Subscription, clock: Clock) -> None:
    bring_to(subscription, State.REFUSED)
    seen = []
    for clock.now in (NOW + 59.9, NOW + 60):
        seen.append(subscription.is_to_be_asked)
    assert seen == [False, True]


def test_unanswered_subscription_is_due_at_once(subscription: Subscription) -> None:
    bring_to(subscription, State.UNANSWERED)
    assert subscription.is_to_be_asked


def test_subscription_is_due_at_once_after_the_first_doubt(subscription: Subscription) -> None:
    bring_to(subscription, State.LIVE)
    subscription.resync("checksum", has_budget=True)
    assert subscription.state is State.LEAVING
    before = subscription.is_to_be_asked
    subscription.move(Event.LEFT)
    assert (before, subscription.is_to_be_asked) == (False, True)


def come_live_again(subscription: Subscription) -> None:
    for event in (Event.LEFT, Event.REQUESTED, Event.ACKNOWLEDGED, Event.VERIFIED):
        subscription.move(event)


def test_subscription_is_due_later_after_each_further_doubt(
    subscription: Subscription, clock: Clock
) -> None:
    bring_to(subscription, State.LIVE)
    waits = []
    for number in range(12):
        clock.now = NOW + number
        subscription.resync("checksum", has_budget=True)
        waits.append(subscription.due - clock.now)
        come_live_again(subscription)
    assert waits[0] == 0
    assert all(1 <= wait <= 60 for wait in waits[1:])
    assert waits[3] >= 2
    assert waits[-1] >= 30


def test_doubt_after_a_minute_of_being_live_has_no_delay(
    subscription: Subscription, clock: Clock
) -> None:
    bring_to(subscription, State.LIVE)
    subscription.resync("checksum", has_budget=True)
    come_live_again(subscription)
    clock.now = NOW + 1
    subscription.resync("checksum", has_budget=True)
    assert subscription.due > NOW + 1
    clock.now = NOW + 10
    come_live_again(subscription)
    clock.now = NOW + 70
    subscription.resync("checksum", has_budget=True)
    assert subscription.due == NOW + 70


def test_time_of_waiting_does_not_count_as_recovery(
    subscription: Subscription, clock: Clock
) -> None:
    bring_to(subscription, State.LIVE)
    for _ in range(10):
        subscription.resync("checksum", has_budget=True)
        come_live_again(subscription)
        clock.now += 1
    subscription.resync("checksum", has_budget=True)
    # The last delay was at least half a minute. Then the book is live for another half.
    clock.now = max(clock.now, subscription.due)
    come_live_again(subscription)
    clock.now += 31
    subscription.resync("checksum", has_budget=True)
    assert subscription.due > clock.now


def test_subscription_is_due_at_once_after_a_quiet_book(subscription: Subscription) -> None:
    bring_to(subscription, State.LIVE)
    for _ in range(5):
        subscription.resync("quiet", has_budget=True, is_doubt=False)
        assert subscription.due == NOW
        come_live_again(subscription)


# The possible statuses of a book, by the state of its subscription.
STATUSES = {
    State.WAITING: {"asked", "syncing"},
    State.ASKED: {"asked", "syncing", "refused"},
    State.UNANSWERED: {"asked", "syncing", "refused"},
    State.ACKNOWLEDGED: {"syncing"},
    State.LIVE: {"live"},
    State.LEAVING: {"asked", "syncing"},
    State.REFUSED: {"refused"},
}

STEPS: list[Callable[[Conversation], None]] = [
    lambda kraken: kraken.receive(kraken.markets[BTC].snapshot()),
    lambda kraken: kraken.receive(kraken.markets[BTC].update([("98.0", "1.00000000")])),
    lambda kraken: kraken.receive(kraken.markets[BTC].wrong_update()),
    lambda kraken: kraken.receive(acknowledged("subscribe", BTC)),
    lambda kraken: kraken.receive(acknowledged("unsubscribe", BTC)),
    lambda kraken: kraken.receive(refused(BTC, "not supported")),
    lambda kraken: kraken.receive(refused(BTC, "Already subscribed")),
    lambda kraken: kraken.receive(refused(BTC, "not found", method="unsubscribe")),
    lambda kraken: kraken.receive(instruments(BTC, price=2, kind="update")),
    lambda kraken: kraken.receive(instruments(BTC)),
    lambda kraken: kraken.wait(11),
    lambda kraken: kraken.wait(61),
    lambda kraken: kraken.wait(QUIET_SECONDS),
]


@given(st.lists(st.sampled_from(STEPS), max_size=30))
def test_status_of_a_book_agrees_with_the_state_of_its_subscription(
    steps: list[Callable[[Conversation], None]],
) -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC))
    for step in steps:
        try:
            step(conversation)
        except RequestsUnanswered:
            return
        state, book = conversation.state(BTC), conversation.books[BTC]
        assert book.status in STATUSES[state]
        assert (book.book is not None) is (state is State.LIVE)
