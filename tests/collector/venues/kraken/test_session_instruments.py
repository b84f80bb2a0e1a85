"""The pairs that Kraken lists, and their precisions."""

from __future__ import annotations

import pytest

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


def test_missing_instruments_are_requested_again_after_10_s() -> None:
    conversation = Conversation(BTC)
    conversation.requests()
    conversation.wait(9)
    assert conversation.requests() == []
    conversation.wait(2)
    (request,) = conversation.requests()
    assert request["params"] == {"channel": "instrument"}


def test_symbol_without_an_instrument_is_refused_alone() -> None:
    conversation = Conversation(BTC, BAD)
    conversation.receive(instruments(BTC))
    conversation.receive(acknowledged("subscribe", BTC), acknowledged("subscribe", BAD))
    conversation.receive(conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].is_live
    assert conversation.books[BAD].status == "refused"
    assert "precisions" in (conversation.books[BAD].reason or "")


def test_changed_precision_resyncs_the_book(live: Conversation) -> None:
    live.receive(instruments(BTC, price=2, kind="update"))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "precision")
    assert live.books[BTC].precision == Precision(2, 8)
    assert live.books[ETH].is_live
    assert live.requested() == [("unsubscribe", [BTC])]


def test_same_precision_again_changes_nothing(live: Conversation) -> None:
    live.receive(instruments(BTC, ETH, kind="update"))
    assert live.requests() == []
    assert live.books[BTC].is_live


def test_lost_instruments_are_subscribed_to_again() -> None:
    conversation = Conversation(BTC)
    conversation.requests()
    conversation.wait(11)
    (again,) = conversation.requests()
    conversation.receive(refused(None, "Already subscribed", req_id=again["req_id"]))
    asked = [(r["method"], r["params"]["channel"]) for r in conversation.requests()]
    assert asked == [("unsubscribe", "instrument"), ("subscribe", "instrument")]


def test_listener_receives_pairs_and_whether_they_are_the_whole_list() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC, ETH), instruments("SOL/USD", kind="update"))
    assert conversation.listed == [([BTC, ETH], True), (["SOL/USD"], False)]


@pytest.mark.parametrize(
    "senseless",
    [
        b'{"symbol":"SOL/USD"}',
        b'{"name":"SOL/USD"}',
        b'{"symbol":null,"price_precision":1,"qty_precision":8}',
        '{"symbol":"币安人生/USD","price_precision":1,"qty_precision":8}'.encode(),
        b"5",
        b'{"symbol":"SOL/USD","price_precision":99,"qty_precision":8}',
    ],
)
def test_invalid_pair_alone_is_ignored(senseless: bytes) -> None:
    conversation = Conversation(BTC)
    frame = instruments(BTC).replace(b'"pairs": [', b'"pairs": [' + senseless + b", ")
    conversation.receive(frame)
    ((names, is_all),) = conversation.listed
    assert (set(names) - {"SOL/USD"}, is_all) == ({BTC}, True)
    assert conversation.requested()[-1] == ("subscribe", [BTC])


def test_list_of_mostly_nameless_pairs_is_not_the_whole_list() -> None:
    conversation = Conversation(BTC)
    frame = instruments(BTC).replace(b'"pairs": [', b'"pairs": [{}, 5, ')
    conversation.receive(frame)
    assert conversation.listed == [([BTC], False)]


def test_followed_pair_keeps_its_precision_if_the_new_one_is_invalid(
    live: Conversation,
) -> None:
    live.receive(
        instruments(BTC, ETH).replace(b'"price_precision": 1', b'"price_precision": null', 1)
    )
    assert live.books[BTC].precision == Precision(1, 8)
    assert live.books[BTC].is_live
    assert live.listed[-1] == ([BTC, ETH], True)


def test_rejected_list_is_requested_again() -> None:
    conversation = Conversation(BTC)
    conversation.accepts_lists = False
    conversation.receive(instruments(BTC))
    conversation.requests()
    conversation.wait(11)
    assert [
        r["method"] for r in conversation.requests() if r["params"]["channel"] == "instrument"
    ] == [
        "unsubscribe",
        "subscribe",
    ]


def test_status_of_a_pair_is_kept_in_its_book(live: Conversation) -> None:
    frame = instruments(BTC, kind="update").replace(
        b'"symbol": "BTC/USD"', b'"symbol": "BTC/USD", "status": "cancel_only"'
    )
    live.receive(frame)
    assert live.books[BTC].pair_status == "cancel_only"
    assert live.books[BTC].is_live


@pytest.mark.parametrize("kind", ["update", "snapshot"])
def test_pairs_are_not_known_before_a_snapshot_with_pairs(kind: str) -> None:
    conversation = Conversation(BTC)
    conversation.requests()
    conversation.receive(instruments(*([BTC] if kind == "update" else []), kind=kind))
    assert conversation.requested() == []
    assert not conversation.session.is_complete
    conversation.wait(11)
    assert [r["params"]["channel"] for r in conversation.requests()] == ["instrument"]


def test_symbol_refused_without_precisions_is_requested_when_they_come() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(ETH), acknowledged("subscribe", BTC))
    conversation.requests()
    assert conversation.books[BTC].status == "refused"
    conversation.receive(instruments(BTC, kind="update"))
    assert conversation.requested() == [("unsubscribe", [BTC])]
    conversation.receive(acknowledged("unsubscribe", BTC))
    assert conversation.requested() == [("subscribe", [BTC])]


@pytest.mark.parametrize("name", ["", "A,B/USD", "A/B\n", "A/B/C", 'A"/USD'])
def test_pair_with_an_invalid_symbol_is_ignored(name: str) -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC, name))
    assert conversation.listed == [([BTC], True)]
