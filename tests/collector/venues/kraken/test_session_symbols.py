"""Start and end of a session, and symbols that are added and removed."""

from __future__ import annotations

import pytest

from collector.feed.books import SymbolBook
from kraken_book.precision import Precision
from tests.collector.venues.kraken.kraken_side import (
    BAD,
    BTC,
    ETH,
    Conversation,
    acknowledged,
    instruments,
    refused,
)

pytestmark = pytest.mark.usefixtures("hot_path")


def test_session_requests_instruments_first_and_then_all_books_together() -> None:
    conversation = Conversation(BTC, ETH, depth=25)
    (request,) = conversation.requests()
    assert request["params"] == {"channel": "instrument"}
    conversation.receive(b'{"channel":"heartbeat"}')
    assert conversation.requests() == []
    conversation.receive(instruments(BTC, ETH, "SOL/USD"))
    (request,) = conversation.requests()
    assert request["params"] == {
        "channel": "book",
        "symbol": [BTC, ETH],
        "depth": 25,
        "snapshot": True,
    }


def test_book_is_asked_then_syncing_then_live() -> None:
    conversation = Conversation(BTC)
    book = conversation.books[BTC]
    conversation.receive(instruments(BTC))
    assert (book.status, book.precision) == ("asked", Precision(1, 8))
    conversation.receive(acknowledged("subscribe", BTC))
    assert book.status == "syncing"
    before = conversation.session.is_complete
    conversation.receive(conversation.markets[BTC].snapshot())
    assert (book.status, book.reason) == ("live", None)
    assert (before, conversation.session.is_complete) == (False, True)
    assert conversation.session.has_verified


def test_requests_have_unique_ids(live: Conversation) -> None:
    live.receive(live.markets[BTC].wrong_update(), acknowledged("unsubscribe", BTC))
    fresh = Conversation(BTC)
    fresh.wait(20)
    for conversation in (live, fresh):
        ids = [request["req_id"] for request in conversation.requests()]
        assert ids
        assert len(set(ids)) == len(ids)


def test_closed_session_drops_every_book_and_keeps_refusals() -> None:
    conversation = Conversation(BTC, BAD, ETH)
    conversation.receive(instruments(BTC, ETH), refused(BAD, "not supported"))
    conversation.receive(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    conversation.session.close("closed")
    statuses = {symbol: (b.status, b.reason) for symbol, b in conversation.books.items()}
    assert statuses == {
        BTC: ("syncing", "closed"),
        BAD: ("refused", "not supported"),
        ETH: ("asked", "closed"),
    }


def test_added_symbol_is_subscribed_and_removed_symbol_unsubscribed(live: Conversation) -> None:
    book = SymbolBook("SOL/USD", 10, "simulated")
    live.books["SOL/USD"] = book
    live.session.add(book)
    live.wait(1)
    assert live.requested() == [("subscribe", ["SOL/USD"])]
    live.session.remove(BTC)
    del live.books[BTC]
    assert live.requested() == [("unsubscribe", [BTC])]
    live.receive(
        live.markets[BTC].update([("99.5", "1.00000000")]), acknowledged("unsubscribe", BTC)
    )
    live.wait(20)
    assert (live.books[ETH].symbol, live.books[ETH].is_live) == (ETH, True)


def test_session_without_symbols_is_complete_with_the_pairs() -> None:
    conversation = Conversation()
    assert not conversation.session.is_complete
    conversation.receive(instruments(BTC))
    assert conversation.session.is_complete


def test_symbol_added_again_waits_for_its_unsubscription(
    live: Conversation,
) -> None:
    live.session.remove(BTC)
    live.session.add(live.books[BTC])
    assert live.requested() == [("unsubscribe", [BTC])]
    live.wait(5)
    assert live.requested() == []
    live.receive(live.markets[BTC].snapshot())
    live.receive(acknowledged("unsubscribe", BTC))
    assert live.requested() == [("subscribe", [BTC])]


def test_unsubscription_of_a_removed_symbol_is_repeated_without_an_answer(
    live: Conversation,
) -> None:
    live.session.remove(BTC)
    del live.books[BTC]
    live.requests()
    live.wait(11)
    assert live.requested() == [("unsubscribe", [BTC])]
    live.receive(acknowledged("unsubscribe", BTC))
    live.wait(30)
    assert live.requested() == []
