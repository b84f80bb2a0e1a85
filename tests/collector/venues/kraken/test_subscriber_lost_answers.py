"""Answers that are lost, late or repeated."""

from __future__ import annotations

import pytest

from collector.venues.session import RequestsUnanswered
from collector.venues.subscription import State
from tests.collector.venues.kraken.kraken_side import (
    BTC,
    ETH,
    Conversation,
    acknowledged,
    instruments,
    refused,
    request_together,
    resubscribe,
)

pytestmark = pytest.mark.usefixtures("hot_path")


def test_acknowledgement_counts_after_the_timeout_of_its_request() -> None:
    conversation, _ = request_together(BTC)
    conversation.wait(10)
    conversation.receive(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].is_live
    assert conversation.requested() == [], "the request is not repeated"


def test_request_without_an_answer_is_repeated_after_10_s() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.receive(instruments(BTC, ETH))
    conversation.receive(acknowledged("subscribe", ETH), conversation.markets[ETH].snapshot())
    conversation.requests()
    conversation.wait(9)
    assert conversation.requests() == []
    conversation.wait(2)
    assert conversation.requested() == [("subscribe", [BTC])]


def test_requests_answered_by_a_rate_error_are_repeated() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.receive(instruments(BTC, ETH))
    conversation.requests()
    conversation.receive(b'{"Error":"Exceeded msg rate"}')
    conversation.wait(11)
    assert conversation.requested() == [("subscribe", [BTC, ETH])]
    assert conversation.books[BTC].status == "asked"


def test_book_without_a_snapshot_after_its_acknowledgement_is_resynced() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC), acknowledged("subscribe", BTC))
    conversation.requests()
    conversation.wait(11)
    assert conversation.requested() == [("unsubscribe", [BTC])]
    assert conversation.books[BTC].reason == "unanswered"
    resubscribe(conversation, BTC)


def test_unsubscribe_without_an_answer_is_repeated(live: Conversation) -> None:
    live.receive(live.markets[BTC].wrong_update())
    live.requests()
    live.wait(11)
    assert live.requested() == [("unsubscribe", [BTC])]
    live.wait(10)
    assert live.requested() == [("unsubscribe", [BTC])]
    resubscribe(live, BTC)


def test_unsubscribe_that_is_never_answered_ends_the_connection(live: Conversation) -> None:
    live.receive(live.markets[BTC].wrong_update())
    with pytest.raises(RequestsUnanswered, match=f"no answer to 3 requests .* from {BTC}"):
        live.wait(60)
    # The two others were sent, each for itself, while the time passed.
    assert live.requested() == [("unsubscribe", [BTC])]
    assert live.state(BTC) is State.LEAVING


def test_unsubscribe_from_a_removed_symbol_is_given_up_without_harm(live: Conversation) -> None:
    live.session.remove(BTC)
    asked = 0
    for _ in range(200):
        live.wait(1)
        asked += live.requested().count(("unsubscribe", [BTC]))
    assert asked == 3
    assert live.books[ETH].is_live


def test_subscribe_that_is_never_answered_refuses_its_symbol_alone() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.go_live(ETH)
    asked_at = []
    for _ in range(180):
        conversation.wait(1)
        if conversation.requested():
            asked_at.append(conversation.now - 5_000.0)
    # Every 10 s, and then, as for each refused symbol, once a minute.
    assert asked_at == [10, 20, 90, 160]
    assert (conversation.books[BTC].status, conversation.books[BTC].reason) == (
        "refused",
        "no answer",
    )
    conversation.receive(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].is_live
    assert conversation.books[ETH].is_live


def test_connection_without_any_answer_ends_after_three_requests() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.receive(instruments(BTC, ETH))
    with pytest.raises(RequestsUnanswered):
        conversation.wait(60)
    assert conversation.now == 5_030.0


def test_connection_without_pairs_ends_after_three_requests() -> None:
    conversation = Conversation(BTC)
    with pytest.raises(RequestsUnanswered, match="no pairs after 3 requests"):
        conversation.wait(60)
    assert len(conversation.requests()) == 3


def test_pairs_that_are_always_subscribed_to_already_are_requested_three_times() -> None:
    conversation = Conversation(BTC)

    def refuse_all() -> None:
        for _ in range(10):
            for request in conversation.requests():
                answer = refused(None, "Already subscribed", req_id=request["req_id"])
                conversation.receive(answer)

    with pytest.raises(RequestsUnanswered):
        refuse_all()


def test_requests_are_repeated_as_long_as_kraken_asks_for_a_pause() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC))
    for _ in range(20):
        conversation.wait(9)
        conversation.receive(b'{"Error":"Exceeded msg rate"}')
    assert conversation.state(BTC) is State.ASKED


def test_refused_unsubscribe_counts_as_granted(live: Conversation) -> None:
    live.receive(live.markets[BTC].wrong_update())
    live.requests()
    live.receive(refused(BTC, "Subscription Not Found", method="unsubscribe"))
    assert live.requested() == [("subscribe", [BTC])]


def test_already_subscribed_symbol_is_resynced() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC))
    conversation.requests()
    conversation.receive(refused(BTC, "Already subscribed", req_id=2))
    assert conversation.books[BTC].status != "refused"
    assert conversation.requested() == [("unsubscribe", [BTC])]
    resubscribe(conversation, BTC)


def test_snapshot_without_an_acknowledgement_makes_the_book_live() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].is_live


def test_late_and_repeated_acknowledgements_change_nothing(live: Conversation) -> None:
    live.receive(acknowledged("subscribe", BTC), acknowledged("unsubscribe", BTC))
    assert live.books[BTC].is_live
    assert live.requests() == []


def test_requests_pause_after_a_rate_error(live: Conversation) -> None:
    live.receive(b'{"Error":"Exceeded msg rate"}')
    live.receive(live.markets[BTC].wrong_update())
    live.wait(4)
    assert live.requested() == []
    live.wait(2)
    assert live.requested() == [("unsubscribe", [BTC])]
