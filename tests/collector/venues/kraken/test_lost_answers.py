"""Answers that are lost, late or repeated."""

from __future__ import annotations

from tests.collector.venues.kraken.kraken_side import (
    BTC,
    ETH,
    Conversation,
    acknowledged,
    asked_together,
    instruments,
    refused,
    resubscribe,
)


def test_acknowledgement_counts_after_the_timeout_of_its_request() -> None:
    conversation, _ = asked_together(BTC)
    conversation.wait(10)
    conversation.hear(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].live
    assert conversation.asked() == [], "it is not asked for twice"


def test_request_without_an_answer_is_repeated_after_10_s() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.hear(instruments(BTC, ETH))
    conversation.hear(acknowledged("subscribe", ETH), conversation.markets[ETH].snapshot())
    conversation.said()
    conversation.wait(9)
    assert conversation.said() == []
    conversation.wait(2)
    assert conversation.asked() == [("subscribe", [BTC])]


def test_requests_answered_by_a_rate_error_are_repeated() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.hear(instruments(BTC, ETH))
    conversation.said()
    conversation.hear(b'{"Error":"Exceeded msg rate"}')
    conversation.wait(11)
    assert conversation.asked() == [("subscribe", [BTC, ETH])]
    assert conversation.books[BTC].status == "asked"


def test_book_without_a_snapshot_after_its_acknowledgement_is_resynced() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC), acknowledged("subscribe", BTC))
    conversation.said()
    conversation.wait(11)
    assert conversation.asked() == [("unsubscribe", [BTC])]
    assert conversation.books[BTC].reason == "unanswered"
    resubscribe(conversation, BTC)


def test_unsubscribe_without_an_answer_is_repeated(live: Conversation) -> None:
    live.hear(live.markets[BTC].wrong_update())
    live.said()
    live.wait(11)
    assert live.asked() == [("unsubscribe", [BTC])]
    live.wait(10)
    assert live.asked() == [("unsubscribe", [BTC])]
    resubscribe(live, BTC)


def test_refused_unsubscribe_counts_as_granted(live: Conversation) -> None:
    live.hear(live.markets[BTC].wrong_update())
    live.said()
    live.hear(refused(BTC, "Subscription Not Found", method="unsubscribe"))
    assert live.asked() == [("subscribe", [BTC])]


def test_already_subscribed_symbol_is_resynced() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC))
    conversation.said()
    conversation.hear(refused(BTC, "Already subscribed", req_id=2))
    assert conversation.books[BTC].status != "refused"
    assert conversation.asked() == [("unsubscribe", [BTC])]
    resubscribe(conversation, BTC)


def test_snapshot_without_an_acknowledgement_makes_the_book_live() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].live


def test_late_and_repeated_acknowledgements_change_nothing(live: Conversation) -> None:
    live.hear(acknowledged("subscribe", BTC), acknowledged("unsubscribe", BTC))
    assert live.books[BTC].live
    assert live.said() == []


def test_requests_pause_after_a_rate_error(live: Conversation) -> None:
    live.hear(b'{"Error":"Exceeded msg rate"}')
    live.hear(live.markets[BTC].wrong_update())
    live.wait(4)
    assert live.asked() == []
    live.wait(2)
    assert live.asked() == [("unsubscribe", [BTC])]
