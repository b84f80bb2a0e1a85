"""The conversation: its order, and that what goes wrong with a symbol is that symbol's alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.stamp import Stamp
from kraken_book.precision import Precision
from tests.collector.kraken_side import (
    TIME,
    Conversation,
    Market,
    acknowledged,
    book_frame,
    instruments,
    refused,
)

BTC, ETH, BAD = "BTC/USD", "ETH/USD", "XBT/EUR"


@pytest.fixture
def live() -> Conversation:
    """Two live symbols."""
    conversation = Conversation(BTC, ETH)
    conversation.go_live()
    return conversation


def resubscribe(conversation: Conversation, symbol: str) -> None:
    """Confirm the leaving and grant the asking anew."""
    conversation.hear(acknowledged("unsubscribe", symbol))
    assert conversation.asked() == [("subscribe", [symbol])]
    conversation.hear(acknowledged("subscribe", symbol), conversation.markets[symbol].snapshot())
    assert conversation.books[symbol].live


# The handshake


def test_precisions_are_asked_for_first_then_all_books_in_one_request() -> None:
    conversation = Conversation(BTC, ETH, depth=25)
    (request,) = conversation.said()
    assert request["params"] == {"channel": "instrument"}
    conversation.hear(b'{"channel":"heartbeat"}')
    assert conversation.said() == []
    conversation.hear(instruments(BTC, ETH, "SOL/USD"))
    (request,) = conversation.said()
    assert request["params"] == {
        "channel": "book",
        "symbol": [BTC, ETH],
        "depth": 25,
        "snapshot": True,
    }


def test_a_symbol_is_asked_then_acknowledged_then_live() -> None:
    conversation = Conversation(BTC)
    book = conversation.books[BTC]
    conversation.hear(instruments(BTC))
    assert (book.status, book.precision) == ("asked", Precision(1, 8))
    conversation.hear(acknowledged("subscribe", BTC))
    assert book.status == "syncing"
    before = conversation.session.complete
    conversation.hear(conversation.markets[BTC].snapshot())
    assert (book.status, book.reason) == ("live", None)
    assert (before, conversation.session.complete) == (False, True)
    assert conversation.session.verified


def test_every_request_has_an_id_of_its_own(live: Conversation) -> None:
    live.hear(live.markets[BTC].wrong_update(), acknowledged("unsubscribe", BTC))
    fresh = Conversation(BTC)
    fresh.wait(30)
    for conversation in (live, fresh):
        ids = [request["req_id"] for request in conversation.said()]
        assert ids
        assert len(set(ids)) == len(ids)


def test_instruments_that_do_not_come_are_asked_for_again_after_10_s() -> None:
    conversation = Conversation(BTC)
    conversation.said()
    conversation.wait(9)
    assert conversation.said() == []
    conversation.wait(2)
    (request,) = conversation.said()
    assert request["params"] == {"channel": "instrument"}


def test_a_symbol_that_is_no_instrument_is_refused_and_the_others_go_on() -> None:
    conversation = Conversation(BTC, BAD)
    conversation.hear(instruments(BTC))
    conversation.hear(acknowledged("subscribe", BTC), acknowledged("subscribe", BAD))
    conversation.hear(conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].live
    assert conversation.books[BAD].status == "refused"
    assert "precisions" in (conversation.books[BAD].reason or "")


# A live book


def test_updates_are_applied_and_verified(live: Conversation) -> None:
    market, book = live.markets[BTC], live.books[BTC]
    live.now += 3
    live.hear(market.update([("100.5", "7.00000000")], [("101.0", "0.00000000")]))
    assert book.live
    assert book.checksum == market.book.checksum
    assert json.loads(book.view().bids) == [list(level) for level in market.book.bids]
    assert json.loads(book.view().asks) == [list(level) for level in market.book.asks]
    assert book.exchange_time == TIME
    assert book.read == Stamp(1_785_641_751_702_114_000, int(live.now * 1e9))


def test_an_unasked_snapshot_replaces_the_book(live: Conversation) -> None:
    other = Market(BTC)
    other.update([("100.0", "0.00000000"), ("97.0", "5.00000000")])
    live.hear(other.snapshot())
    assert live.books[BTC].live
    assert live.books[BTC].checksum == other.book.checksum
    live.hear(other.update([("98.0", "1.00000000")]))
    assert live.books[BTC].checksum == other.book.checksum
    assert live.said() == []


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (Market(BTC).wrong_update(), "checksum"),
        (book_frame("update", BTC, [("-1.0", "1.0")], [], 1), "level"),
        (book_frame("update", BTC, [("100.05", "1.0")], [], 1), "level"),
        (book_frame("update", BTC, [('"100.0"', "1.0")], [], 1), "level"),
        (book_frame("update", BTC, [("0.0", "1.0")], [], 1), "level"),
        (book_frame("update", BTC, [("1e999999", "1.0")], [], 1), "level"),
        (book_frame("snapshot", BTC, [("100.0", "1.0")], [], 1), "checksum"),
        (
            b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","checksum":"x"}]}',
            "frame",
        ),
    ],
)
def test_a_doubted_book_is_lost_left_and_asked_for_again_alone(
    live: Conversation, frame: bytes, reason: str
) -> None:
    live.hear(frame)
    book = live.books[BTC]
    assert (book.status, book.reason, book.book) == ("syncing", reason, None)
    assert live.asked() == [("unsubscribe", [BTC])]
    live.hear(live.markets[ETH].update([("98.0", "1.00000000")]))
    assert live.books[ETH].live
    resubscribe(live, BTC)
    assert live.books[ETH].live
    assert live.said() == []


def test_a_crossed_book_is_doubted_even_if_the_checksum_agrees(live: Conversation) -> None:
    live.hear(live.markets[BTC].update([("101.0", "1.00000000")]))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "crossed")
    assert live.asked() == [("unsubscribe", [BTC])]


def test_frames_of_the_old_subscription_are_dropped_until_the_new_snapshot(
    live: Conversation,
) -> None:
    market, book = live.markets[BTC], live.books[BTC]
    late = market.update([("99.5", "1.00000000")])
    live.hear(market.wrong_update())
    old_snapshot = Market(BTC).snapshot()
    live.hear(late, old_snapshot)
    assert book.status == "syncing"
    live.hear(acknowledged("unsubscribe", BTC))
    live.hear(late)
    assert book.status == "syncing"
    live.hear(acknowledged("subscribe", BTC), late)
    assert book.status == "syncing"
    assert live.asked() == [("unsubscribe", [BTC]), ("subscribe", [BTC])]
    live.hear(market.snapshot())
    assert book.live
    assert book.checksum == market.book.checksum


def test_a_frame_that_cannot_be_understood_and_blames_nobody_harms_nobody(
    live: Conversation,
) -> None:
    for frame in (b"nonsense", b'{"channel":"news"}', b"[" * 100_000, b""):
        live.hear(frame)
    assert live.books[BTC].live
    assert live.books[ETH].live
    assert live.said() == []


@pytest.mark.parametrize(("depth", "doubted"), [(10, []), (25, [BTC, ETH])])
def test_a_book_frame_of_no_known_symbol_is_doubted_where_no_checksum_would_show_its_loss(
    depth: int, doubted: list[str]
) -> None:
    conversation = Conversation(BTC, ETH, depth=depth)
    conversation.go_live()
    conversation.hear(b'{"channel":"book","type":"update","da')
    assert conversation.asked() == [("unsubscribe", [symbol]) for symbol in doubted]


def test_a_book_frame_that_is_cut_off_has_its_symbol_alone_doubted(live: Conversation) -> None:
    live.hear(live.markets[BTC].snapshot()[:-20])
    assert live.asked() == [("unsubscribe", [BTC])]
    assert live.books[ETH].live


def test_a_book_of_another_symbol_harms_nobody(live: Conversation) -> None:
    live.hear(Market("SOL/USD").snapshot(), Market("SOL/USD").wrong_update())
    assert live.said() == []
    assert all(book.live for book in live.books.values())


def test_in_a_frame_of_two_entries_each_is_for_itself(live: Conversation) -> None:
    good = live.markets[ETH].update([("98.0", "1.00000000")])
    wrong = live.markets[BTC].wrong_update()
    both = json.loads(good, parse_float=str)
    assert both["data"]
    entries = b",".join(frame[frame.index(b"[{") + 1 : -2] for frame in (wrong, good))
    live.hear(b'{"channel":"book","type":"update","data":[' + entries + b"]}")
    assert live.books[BTC].status == "syncing"
    assert live.books[ETH].live
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum


# Refusals


def test_one_bad_symbol_leaves_the_others_alone() -> None:
    conversation = Conversation(BTC, BAD, ETH)
    conversation.hear(instruments(BTC, ETH))
    conversation.hear(
        acknowledged("subscribe", BTC),
        refused(BAD, "Currency pair not supported XBT/EUR"),
        acknowledged("subscribe", ETH),
    )
    conversation.hear(*(conversation.markets[symbol].snapshot() for symbol in (BTC, ETH)))
    assert [book.status for book in conversation.books.values()] == ["live", "refused", "live"]
    assert conversation.books[BAD].reason == "Currency pair not supported XBT/EUR"
    assert conversation.session.complete


def test_a_refused_symbol_is_asked_for_again_after_60_s() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC), refused(BTC, "Currency pair not supported"))
    conversation.said()
    conversation.wait(59)
    assert conversation.said() == []
    assert conversation.books[BTC].status == "refused"
    conversation.wait(2)
    assert conversation.asked() == [("subscribe", [BTC])]
    conversation.hear(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].live


def test_an_error_without_a_symbol_is_for_all_that_its_request_asked() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.said()
    conversation.hear(instruments(BTC, ETH))
    (request,) = conversation.said()
    error = "Subscription depth not supported"
    conversation.hear(refused(None, error, req_id=request["req_id"]))
    assert {book.reason for book in conversation.books.values()} == {error}
    assert {book.status for book in conversation.books.values()} == {"refused"}


def test_an_error_without_symbol_or_known_id_refuses_nobody() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC))
    conversation.hear(refused(None, "Subscription depth not supported"))
    conversation.hear(refused(None, "Subscription depth not supported", req_id=99))
    assert conversation.books[BTC].status == "asked"


def test_a_refusal_does_not_touch_a_live_book(live: Conversation) -> None:
    live.hear(refused(BTC, "Currency pair not supported"), refused(BTC, "Already subscribed"))
    assert live.books[BTC].live
    assert live.said() == []


# Answers that are lost


def test_what_is_not_answered_is_asked_again_after_10_s() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.hear(instruments(BTC, ETH))
    conversation.hear(acknowledged("subscribe", ETH), conversation.markets[ETH].snapshot())
    conversation.said()
    conversation.wait(9)
    assert conversation.said() == []
    conversation.wait(2)
    assert conversation.asked() == [("subscribe", [BTC])]


def test_too_many_requests_answered_with_a_capital_error_are_made_again() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.hear(instruments(BTC, ETH), b'{"Error":"Exceeded msg rate"}')
    conversation.said()
    conversation.wait(11)
    assert conversation.asked() == [("subscribe", [BTC, ETH])]
    assert conversation.books[BTC].status == "asked"


def test_a_snapshot_that_does_not_come_after_its_acknowledgement_is_asked_for_anew() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC), acknowledged("subscribe", BTC))
    conversation.said()
    conversation.wait(11)
    assert conversation.asked() == [("unsubscribe", [BTC])]
    assert conversation.books[BTC].reason == "unanswered"
    resubscribe(conversation, BTC)


def test_a_leaving_that_is_not_answered_is_repeated(live: Conversation) -> None:
    live.hear(live.markets[BTC].wrong_update())
    live.said()
    live.wait(11)
    assert live.asked() == [("unsubscribe", [BTC])]
    live.wait(10)
    assert live.asked() == [("unsubscribe", [BTC])]
    resubscribe(live, BTC)


def test_a_leaving_that_is_refused_is_as_good(live: Conversation) -> None:
    live.hear(live.markets[BTC].wrong_update())
    live.said()
    live.hear(refused(BTC, "Subscription Not Found", method="unsubscribe"))
    assert live.asked() == [("subscribe", [BTC])]


def test_already_subscribed_means_a_lost_acknowledgement_so_leave_and_ask() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC))
    conversation.said()
    conversation.hear(refused(BTC, "Already subscribed", req_id=2))
    assert conversation.books[BTC].status != "refused"
    assert conversation.asked() == [("unsubscribe", [BTC])]
    resubscribe(conversation, BTC)


def test_a_snapshot_whose_acknowledgement_was_lost_is_taken() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].live


def test_acknowledgements_that_come_late_or_twice_change_nothing(live: Conversation) -> None:
    live.hear(acknowledged("subscribe", BTC), acknowledged("unsubscribe", BTC))
    assert live.books[BTC].live
    assert live.said() == []


# Precisions


def test_a_changed_precision_asks_for_the_book_anew(live: Conversation) -> None:
    live.hear(instruments(BTC, price=2, kind="update"))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "precision")
    assert live.books[BTC].precision == Precision(2, 8)
    assert live.books[ETH].live
    assert live.asked() == [("unsubscribe", [BTC])]


def test_the_same_precision_again_changes_nothing(live: Conversation) -> None:
    live.hear(instruments(BTC, ETH, kind="update"))
    assert live.said() == []
    assert live.books[BTC].live


# Doubts again and again


def test_repeated_doubts_of_a_symbol_wait_longer_and_longer(live: Conversation) -> None:
    waits = []
    for _ in range(7):
        live.hear(live.markets[BTC].wrong_update())
        assert live.asked() == [("unsubscribe", [BTC])]
        live.hear(acknowledged("unsubscribe", BTC))
        begun = live.now
        while not live.session.outgoing:
            live.wait(1)
            assert live.now - begun < 62, "not asked for again"
        waits.append(live.now - begun)
        assert live.asked() == [("subscribe", [BTC])]
        live.hear(acknowledged("subscribe", BTC), live.markets[BTC].snapshot())
    assert waits[0] == 0
    assert waits[1] >= 1
    assert waits[4] >= 4
    assert max(waits) > 15
    assert live.books[ETH].live


def test_a_doubt_after_a_minute_of_being_right_is_a_new_one(live: Conversation) -> None:
    for _ in range(3):
        live.hear(live.markets[BTC].wrong_update(), acknowledged("unsubscribe", BTC))
        assert live.asked() == [("unsubscribe", [BTC]), ("subscribe", [BTC])]
        live.hear(acknowledged("subscribe", BTC), live.markets[BTC].snapshot())
        live.wait(61)


# The end


def test_when_the_connection_is_gone_no_book_is_followed_and_refusals_stay() -> None:
    conversation = Conversation(BTC, BAD, ETH)
    conversation.hear(instruments(BTC, ETH), refused(BAD, "not supported"))
    conversation.hear(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    conversation.session.close("closed")
    told = {symbol: (b.status, b.reason) for symbol, b in conversation.books.items()}
    assert told == {
        BTC: ("syncing", "closed"),
        BAD: ("refused", "not supported"),
        ETH: ("asked", "closed"),
    }


@pytest.mark.parametrize(
    ("name", "verified"),
    [("kraken-btcusd-depth10.jsonl", 296), ("kraken-btcusd-depth25.jsonl", 2051)],
)
def test_a_recorded_conversation_never_raises_a_doubt(
    recordings: Path, name: str, verified: int
) -> None:
    depth = 25 if "25" in name else 10
    conversation = Conversation(BTC, depth=depth)
    conversation.hear(instruments(BTC))
    updates = 0
    for line in (recordings / name).read_bytes().splitlines():
        conversation.hear(line)
        updates += b'"type":"update","data":[{"symbol"' in line and conversation.books[BTC].live
        assert conversation.books[BTC].reason is None
    assert updates == verified
