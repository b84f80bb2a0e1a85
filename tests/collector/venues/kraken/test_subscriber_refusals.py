"""Refusals, and errors without a symbol."""

from __future__ import annotations

import pytest

from tests.collector.venues.kraken.kraken_side import (
    BAD,
    BTC,
    ETH,
    Conversation,
    acknowledged,
    instruments,
    refused,
    request_together,
)

pytestmark = pytest.mark.usefixtures("hot_path")


def test_refused_symbol_leaves_the_others_live() -> None:
    conversation = Conversation(BTC, BAD, ETH)
    conversation.receive(instruments(BTC, ETH))
    conversation.receive(
        acknowledged("subscribe", BTC),
        refused(BAD, "Currency pair not supported XBT/EUR"),
        acknowledged("subscribe", ETH),
    )
    conversation.receive(*(conversation.markets[symbol].snapshot() for symbol in (BTC, ETH)))
    assert [book.status for book in conversation.books.values()] == ["live", "refused", "live"]
    assert conversation.books[BAD].reason == "Currency pair not supported XBT/EUR"
    assert conversation.session.is_complete


def test_refused_symbol_is_requested_again_after_60_s() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC), refused(BTC, "Currency pair not supported"))
    conversation.requests()
    conversation.wait(59)
    assert conversation.requests() == []
    assert conversation.books[BTC].status == "refused"
    conversation.wait(2)
    assert conversation.requested() == [("subscribe", [BTC])]
    conversation.receive(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].is_live


def answer_each_alone(conversation: Conversation, bad: str, method: str = "subscribe") -> None:
    """Refuse each request with the symbol `bad`, without a name; grant the others."""
    for request in conversation.requests():
        names, more = request["params"]["symbol"], {"req_id": request["req_id"]}
        if bad in names:
            conversation.receive(refused(None, "not supported", method=request["method"], **more))
            continue
        for name in names:
            conversation.receive(acknowledged(request["method"], name, **more))
            if request["method"] == "subscribe":
                conversation.receive(conversation.markets[name].snapshot())


@pytest.mark.parametrize("named", ["XDG/USD", "DOGE/USD"])
def test_refused_name_in_batch_error_leaves_other_books_live(named: str) -> None:
    conversation, number = request_together(BTC, "XDG/USD", ETH)
    error = f"Currency pair not supported {named}"
    conversation.receive(refused(None, error, req_id=number))
    for symbol in (BTC, ETH):
        conversation.receive(acknowledged("subscribe", symbol, req_id=number))
        conversation.receive(conversation.markets[symbol].snapshot())
    assert [book.status for book in conversation.books.values()] == ["live", "refused", "live"]
    assert conversation.books["XDG/USD"].reason == error


def test_batch_error_without_a_name_leaves_acknowledged_books_live() -> None:
    conversation, number = request_together(BTC, BAD, ETH)
    conversation.receive(refused(None, "not supported", req_id=number))
    assert {book.status for book in conversation.books.values()} == {"asked"}
    for symbol in (BTC, ETH):
        conversation.receive(acknowledged("subscribe", symbol, req_id=number))
        conversation.receive(conversation.markets[symbol].snapshot())
    conversation.wait(3)
    (request,) = conversation.requests()
    assert request["params"]["symbol"] == [BAD], "no other request is repeated"
    conversation.receive(refused(None, "not supported", req_id=request["req_id"]))
    assert [book.status for book in conversation.books.values()] == ["live", "refused", "live"]
    assert conversation.books[BAD].reason == "not supported"


def test_symbol_that_makes_every_request_fail_is_found_and_the_others_become_live() -> None:
    names = [f"C{number}/USD" for number in range(40)]
    conversation, number = request_together(*names)
    conversation.receive(refused(None, "not supported", req_id=number))
    for _ in range(12):
        conversation.wait(1)
        answer_each_alone(conversation, names[17])
    statuses = {name: book.status for name, book in conversation.books.items()}
    assert statuses.pop(names[17]) == "refused"
    assert set(statuses.values()) == {"live"}
    conversation.wait(60)
    assert conversation.requested() == [("subscribe", [names[17]])], "alone, without harm to others"


@pytest.mark.parametrize("more", [{}, {"req_id": 99_999}])
def test_error_without_symbol_or_request_divides_the_next_requests(
    more: dict[str, int],
) -> None:
    conversation, _ = request_together(BTC, BAD, ETH)
    conversation.receive(refused(None, "Malformed request", "subscribe", **more))
    assert {book.status for book in conversation.books.values()} == {"asked"}
    conversation.wait(3)
    assert conversation.requested() == [("subscribe", [each]) for each in (BTC, BAD, ETH)]


def test_error_of_a_request_for_one_symbol_refuses_that_symbol() -> None:
    conversation, number = request_together(BTC)
    conversation.receive(refused(None, "Subscription depth not supported", req_id=number))
    assert conversation.books[BTC].status == "refused"


def test_error_with_several_symbols_refuses_those() -> None:
    conversation, number = request_together(BTC, BAD, ETH, "SOL/USD")
    conversation.receive(refused(None, f"Not supported: {BAD}, SOL/USD.", req_id=number))
    statuses = [book.status for book in conversation.books.values()]
    assert statuses == ["asked", "refused", "asked", "refused"]


def test_acknowledgement_and_snapshot_count_after_a_refusal() -> None:
    for late in (acknowledged("subscribe", BTC), b""):
        conversation, _ = request_together(BTC)
        conversation.receive(refused(BTC, "Internal error"))
        assert conversation.books[BTC].status == "refused"
        conversation.receive(*filter(None, [late]), conversation.markets[BTC].snapshot())
        assert (conversation.books[BTC].status, conversation.books[BTC].reason) == ("live", None)
        conversation.wait(120)
        assert conversation.requested() == []


def test_unsubscribe_error_without_a_name_leaves_no_symbol_unsubscribed(
    live: Conversation,
) -> None:
    live.receive(live.markets[BTC].wrong_update(), live.markets[ETH].wrong_update())
    (request,) = live.requests()
    live.receive(refused(None, "no", method="unsubscribe", req_id=request["req_id"]))
    assert live.requests() == []
    live.wait(3)
    assert live.requested() == [("unsubscribe", [BTC]), ("unsubscribe", [ETH])]


def test_unsubscribe_error_with_a_symbol_concerns_that_symbol(live: Conversation) -> None:
    live.receive(live.markets[BTC].wrong_update(), live.markets[ETH].wrong_update())
    (request,) = live.requests()
    error = f"Subscription Not Found {ETH}"
    live.receive(refused(None, error, method="unsubscribe", req_id=request["req_id"]))
    assert live.requested() == [("subscribe", [ETH])]


def test_error_of_an_unwanted_symbol_refuses_no_book() -> None:
    conversation, number = request_together(BTC, ETH)
    conversation.receive(refused("SOL/EUR", "not supported", req_id=number))
    assert {book.status for book in conversation.books.values()} == {"asked"}


@pytest.mark.parametrize(
    "error",
    [
        "Exceeded msg rate",
        "exceeded MSG rate",
        "EGeneral:Too many requests",
        "EAPI:Rate limit exceeded",
        "too many requests",
        "Message rate exceeded",
        "EService:Throttled: 1795725366",
        "EGeneral:Temporary lockout",
    ],
)
def test_rate_error_pauses_requests_and_refuses_no_symbol(error: str) -> None:
    conversation, number = request_together(BTC, ETH)
    conversation.receive(refused(BTC, error, req_id=number), refused(None, error, req_id=number))
    conversation.wait(9)
    assert conversation.requested() == []
    assert {book.status for book in conversation.books.values()} == {"asked"}
    conversation.wait(2)
    assert conversation.requested() == [("subscribe", [BTC, ETH])]


def test_error_without_symbol_or_known_id_refuses_no_book() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC))
    conversation.receive(refused(None, "Subscription depth not supported"))
    conversation.receive(refused(None, "Subscription depth not supported", req_id=99))
    assert conversation.books[BTC].status == "asked"


def test_refusal_leaves_a_live_book_live(live: Conversation) -> None:
    live.receive(refused(BTC, "Currency pair not supported"), refused(BTC, "Already subscribed"))
    assert live.books[BTC].is_live
    assert live.requests() == []


def test_long_error_is_cut_to_200_characters() -> None:
    conversation = Conversation(BTC)
    conversation.receive(instruments(BTC), refused(BTC, "x" * 100_000))
    assert len(conversation.books[BTC].reason or "") == 200
