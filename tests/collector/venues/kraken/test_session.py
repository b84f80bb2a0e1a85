"""The conversation: its order, and that what goes wrong with a symbol is that symbol's alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector.feed.books import SymbolBook
from collector.feed.timestamp import Timestamp
from collector.venues.kraken.requests import REQUESTS_PER_SECOND
from collector.venues.kraken.session import ENTRIES_IN_A_STEP, RESYNCS_PER_10_S
from kraken_book.precision import Precision
from tests.collector.venues.kraken.kraken_side import (
    QUIET_SECONDS,
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
    assert book.read_at == Timestamp(1_785_641_751_702_114_000, int(live.now * 1e9))


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
    assert live.asked() == [("unsubscribe", [BTC]), ("subscribe", [BTC])]
    live.hear(late)
    assert book.status == "syncing"
    live.hear(acknowledged("subscribe", BTC), market.snapshot())
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
    assert conversation.asked() == ([("unsubscribe", doubted)] if doubted else [])


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
    live.hear(together(live.markets[BTC].wrong_update(), good))
    assert live.books[BTC].status == "syncing"
    assert live.books[ETH].live
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum


def together(*book_frames: bytes) -> bytes:
    """What these say, in one frame."""
    entries = b",".join(frame[frame.index(b"[{") + 1 : -2] for frame in book_frames)
    return b'{"channel":"book","type":"update","data":[' + entries + b"]}"


@pytest.mark.parametrize("bids", ["null", "[5]", '[{"price":1.0}]', "{}"])
def test_an_entry_that_cannot_be_understood_costs_those_behind_it_nothing(
    live: Conversation, bids: str
) -> None:
    bad = f'"data":[{{"symbol":"{BTC}","bids":{bids},"asks":[],"checksum":1}}]}}'.encode()
    before, behind = (live.markets[ETH].update([("98.0", f"{n}.00000000")]) for n in (1, 2))
    live.hear(together(before, bad, behind))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "frame")
    assert live.books[ETH].live
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum
    assert '["98.0","2.00000000"]' in live.books[ETH].view().bids


def test_a_snapshot_that_cannot_be_understood_is_asked_for_anew_at_once() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.hear(instruments(BTC, ETH), acknowledged("subscribe", BTC))
    conversation.said()
    snapshot = conversation.markets[BTC].snapshot().replace(b'"bids":[', b'"bids":[5,')
    conversation.hear(snapshot)
    assert conversation.books[BTC].reason == "frame"
    assert conversation.asked() == [("unsubscribe", [BTC])]


def test_a_frame_that_names_nobody_doubts_no_book_that_is_still_to_come() -> None:
    conversation = Conversation(BTC, depth=25)
    conversation.hear(instruments(BTC), acknowledged("subscribe", BTC))
    conversation.said()
    conversation.hear(b'{"channel":"book","type":"snapshot","data":[{"symb')
    assert conversation.asked() == []


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


def asked_together(*symbols: str) -> tuple[Conversation, int]:
    """Symbols that were asked for in one request, and its number."""
    conversation = Conversation(*symbols)
    conversation.said()
    conversation.hear(instruments(*symbols))
    (request,) = conversation.said()
    assert request["params"]["symbol"] == list(symbols)
    return conversation, request["req_id"]


def answer_each_alone(conversation: Conversation, bad: str, method: str = "subscribe") -> None:
    """Refuse, without a name, each request that asks for `bad`; grant the others."""
    for request in conversation.said():
        names, more = request["params"]["symbol"], {"req_id": request["req_id"]}
        if bad in names:
            conversation.hear(refused(None, "not supported", method=request["method"], **more))
            continue
        for name in names:
            conversation.hear(acknowledged(request["method"], name, **more))
            if request["method"] == "subscribe":
                conversation.hear(conversation.markets[name].snapshot())


@pytest.mark.parametrize("named", ["XDG/USD", "DOGE/USD"])
def test_refused_name_in_batch_error_leaves_other_books_live(named: str) -> None:
    conversation, number = asked_together(BTC, "XDG/USD", ETH)
    error = f"Currency pair not supported {named}"
    conversation.hear(refused(None, error, req_id=number))
    for symbol in (BTC, ETH):
        conversation.hear(acknowledged("subscribe", symbol, req_id=number))
        conversation.hear(conversation.markets[symbol].snapshot())
    assert [book.status for book in conversation.books.values()] == ["live", "refused", "live"]
    assert conversation.books["XDG/USD"].reason == error


def test_batch_error_without_a_name_leaves_those_that_are_acknowledged_live() -> None:
    conversation, number = asked_together(BTC, BAD, ETH)
    conversation.hear(refused(None, "not supported", req_id=number))
    assert {book.status for book in conversation.books.values()} == {"asked"}
    for symbol in (BTC, ETH):
        conversation.hear(acknowledged("subscribe", symbol, req_id=number))
        conversation.hear(conversation.markets[symbol].snapshot())
    conversation.wait(3)
    (request,) = conversation.said()
    assert request["params"]["symbol"] == [BAD], "it alone is asked for again"
    conversation.hear(refused(None, "not supported", req_id=request["req_id"]))
    assert [book.status for book in conversation.books.values()] == ["live", "refused", "live"]
    assert conversation.books[BAD].reason == "not supported"


def test_one_name_that_takes_every_request_down_is_found_and_the_others_come_live() -> None:
    names = [f"C{number}/USD" for number in range(40)]
    conversation, number = asked_together(*names)
    conversation.hear(refused(None, "not supported", req_id=number))
    for _ in range(12):
        conversation.wait(1)
        answer_each_alone(conversation, names[17])
    statuses = {name: book.status for name, book in conversation.books.items()}
    assert statuses.pop(names[17]) == "refused"
    assert set(statuses.values()) == {"live"}
    conversation.wait(60)
    assert conversation.asked() == [("subscribe", [names[17]])], "alone, so that it hurts no other"


@pytest.mark.parametrize("more", [{}, {"req_id": 99_999}])
def test_error_that_tells_neither_symbol_nor_request_has_those_unanswered_asked_in_parts(
    more: dict[str, int],
) -> None:
    conversation, _ = asked_together(BTC, BAD, ETH)
    conversation.hear(refused(None, "Malformed request", "subscribe", **more))
    assert {book.status for book in conversation.books.values()} == {"asked"}
    conversation.wait(3)
    assert conversation.asked() == [("subscribe", [each]) for each in (BTC, BAD, ETH)]


def test_error_of_a_request_for_one_symbol_refuses_that() -> None:
    conversation, number = asked_together(BTC)
    conversation.hear(refused(None, "Subscription depth not supported", req_id=number))
    assert conversation.books[BTC].status == "refused"


def test_error_that_names_several_symbols_refuses_those() -> None:
    conversation, number = asked_together(BTC, BAD, ETH, "SOL/USD")
    conversation.hear(refused(None, f"Not supported: {BAD}, SOL/USD.", req_id=number))
    statuses = [book.status for book in conversation.books.values()]
    assert statuses == ["asked", "refused", "asked", "refused"]


def test_acknowledgement_and_snapshot_count_after_a_refusal() -> None:
    for late in (acknowledged("subscribe", BTC), b""):
        conversation, _ = asked_together(BTC)
        conversation.hear(refused(BTC, "Internal error"))
        assert conversation.books[BTC].status == "refused"
        conversation.hear(*filter(None, [late]), conversation.markets[BTC].snapshot())
        assert (conversation.books[BTC].status, conversation.books[BTC].reason) == ("live", None)
        conversation.wait(120)
        assert conversation.asked() == []


def test_acknowledgement_counts_while_the_symbol_waits_to_be_asked_for_again() -> None:
    conversation, _ = asked_together(BTC)
    conversation.wait(10)
    conversation.hear(acknowledged("subscribe", BTC), conversation.markets[BTC].snapshot())
    assert conversation.books[BTC].live
    assert conversation.asked() == [], "it is not asked for twice"


def test_unsubscribe_error_without_a_name_does_not_take_any_symbol_for_left(
    live: Conversation,
) -> None:
    live.hear(live.markets[BTC].wrong_update(), live.markets[ETH].wrong_update())
    (request,) = live.said()
    live.hear(refused(None, "no", method="unsubscribe", req_id=request["req_id"]))
    assert live.said() == []
    live.wait(3)
    assert live.asked() == [("unsubscribe", [BTC]), ("unsubscribe", [ETH])]


def test_unsubscribe_error_that_names_a_symbol_is_of_that(live: Conversation) -> None:
    live.hear(live.markets[BTC].wrong_update(), live.markets[ETH].wrong_update())
    (request,) = live.said()
    error = f"Subscription Not Found {ETH}"
    live.hear(refused(None, error, method="unsubscribe", req_id=request["req_id"]))
    assert live.asked() == [("subscribe", [ETH])]


def test_error_of_another_symbol_refuses_none_of_ours() -> None:
    conversation, number = asked_together(BTC, ETH)
    conversation.hear(refused("SOL/EUR", "not supported", req_id=number))
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
def test_words_that_say_too_fast_slow_down_and_refuse_nobody(error: str) -> None:
    conversation, number = asked_together(BTC, ETH)
    conversation.hear(refused(BTC, error, req_id=number), refused(None, error, req_id=number))
    conversation.wait(9)
    assert conversation.asked() == []
    assert {book.status for book in conversation.books.values()} == {"asked"}
    conversation.wait(2)
    assert conversation.asked() == [("subscribe", [BTC, ETH])]


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
    conversation.hear(instruments(BTC, ETH))
    conversation.said()
    conversation.hear(b'{"Error":"Exceeded msg rate"}')
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
        while not (asked := live.asked()):
            live.wait(1)
            assert live.now - begun < 62, "not asked for again"
        waits.append(live.now - begun)
        assert asked == [("subscribe", [BTC])]
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


# What is not in order, is asked for too fast, or is silent


def test_an_update_before_its_snapshot_is_doubted(live: Conversation) -> None:
    market = live.markets[BTC]
    live.hear(market.wrong_update(), acknowledged("unsubscribe", BTC))
    live.said()
    live.hear(acknowledged("subscribe", BTC), market.update([("99.5", "1.00000000")]))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "early")
    assert live.asked() == [("unsubscribe", [BTC])]
    live.hear(market.snapshot())
    assert not live.books[BTC].live, "it is of the subscription that was left"
    assert live.books[ETH].live


def test_a_book_that_is_silent_for_long_is_asked_for_anew(live: Conversation) -> None:
    live.wait(QUIET_SECONDS / 2)
    live.hear(live.markets[ETH].update([("99.5", "1.00000000")]))
    live.wait(QUIET_SECONDS / 2)
    assert live.asked() == [("unsubscribe", [BTC])]
    assert live.books[BTC].reason == "quiet"
    assert live.books[ETH].live
    live.hear(acknowledged("unsubscribe", BTC))
    assert live.asked() == [("subscribe", [BTC])]


def test_a_feed_that_is_wrong_everywhere_is_not_stormed() -> None:
    names = [f"C{number}/USD" for number in range(200)]
    conversation = Conversation(*names)
    conversation.go_live()
    for name in names:
        conversation.hear(conversation.markets[name].wrong_update())
        conversation.hear(acknowledged("unsubscribe", name))
    asked_again: list[float] = []
    while len(asked_again) < len(names):
        for method, symbols in conversation.asked():
            if method == "subscribe":
                asked_again += [conversation.now] * len(symbols)
                for symbol in symbols:
                    snapshot = conversation.markets[symbol].snapshot()
                    conversation.hear(acknowledged("subscribe", symbol), snapshot)
        conversation.wait(1)
    for at in asked_again:
        within = [other for other in asked_again if at <= other < at + 10]
        assert len(within) <= RESYNCS_PER_10_S
    assert max(asked_again) - min(asked_again) < 60, "each had its turn"


def test_quiet_books_are_left_only_as_fast_as_they_may_be_asked_for_anew() -> None:
    names = [f"C{number}/USD" for number in range(200)]
    conversation = Conversation(*names)
    conversation.go_live()
    conversation.wait(QUIET_SECONDS)
    assert sum(not book.live for book in conversation.books.values()) <= RESYNCS_PER_10_S


def test_requests_keep_a_pace_and_symbols_share_them(live: Conversation) -> None:
    names = [f"C{number}/USD" for number in range(50)]
    conversation = Conversation(*names)
    conversation.go_live()
    for name in names:
        conversation.hear(conversation.markets[name].wrong_update())
    assert conversation.asked() == [("unsubscribe", names)]
    conversation.now += 1
    for name in names:
        conversation.hear(acknowledged("unsubscribe", name))
    assert len(conversation.said()) <= REQUESTS_PER_SECOND


def test_after_too_many_requests_none_is_made_for_a_while(live: Conversation) -> None:
    live.hear(b'{"Error":"Exceeded msg rate"}')
    live.hear(live.markets[BTC].wrong_update())
    live.wait(4)
    assert live.asked() == []
    live.wait(2)
    assert live.asked() == [("unsubscribe", [BTC])]


def test_pairs_that_are_lost_though_they_were_acknowledged_are_subscribed_to_anew() -> None:
    conversation = Conversation(BTC)
    conversation.said()
    conversation.wait(11)
    (again,) = conversation.said()
    conversation.hear(refused(None, "Already subscribed", req_id=again["req_id"]))
    asked = [(r["method"], r["params"]["channel"]) for r in conversation.said()]
    assert asked == [("unsubscribe", "instrument"), ("subscribe", "instrument")]


# Pairs, and symbols that come and go


def test_pairs_are_told_with_whether_they_are_all() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC, ETH), instruments("SOL/USD", kind="update"))
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
def test_pair_that_makes_no_sense_is_passed_over_alone(senseless: bytes) -> None:
    conversation = Conversation(BTC)
    frame = instruments(BTC).replace(b'"pairs": [', b'"pairs": [' + senseless + b", ")
    conversation.hear(frame)
    ((names, is_all),) = conversation.listed
    assert (set(names) - {"SOL/USD"}, is_all) == ({BTC}, True)
    assert conversation.asked()[-1] == ("subscribe", [BTC])


def test_list_of_which_most_pairs_have_no_name_is_not_taken_for_all() -> None:
    conversation = Conversation(BTC)
    frame = instruments(BTC).replace(b'"pairs": [', b'"pairs": [{}, 5, ')
    conversation.hear(frame)
    assert conversation.listed == [([BTC], False)]


def test_followed_pair_keeps_its_precision_if_the_new_one_makes_no_sense(
    live: Conversation,
) -> None:
    live.hear(instruments(BTC, ETH).replace(b'"price_precision": 1', b'"price_precision": null', 1))
    assert live.books[BTC].precision == Precision(1, 8)
    assert live.books[BTC].live
    assert live.listed[-1] == ([BTC, ETH], True)


def test_list_that_is_not_believed_is_asked_for_again() -> None:
    conversation = Conversation(BTC)
    conversation.believes = False
    conversation.hear(instruments(BTC))
    conversation.said()
    conversation.wait(11)
    assert [r["method"] for r in conversation.said() if r["params"]["channel"] == "instrument"] == [
        "unsubscribe",
        "subscribe",
    ]


def test_a_symbol_that_joins_is_asked_for_and_one_that_leaves_is_left(live: Conversation) -> None:
    book = SymbolBook("SOL/USD", 10, "simulated")
    live.books["SOL/USD"] = book
    live.session.add("SOL/USD")
    live.wait(1)
    assert live.asked() == [("subscribe", ["SOL/USD"])]
    live.session.remove(BTC)
    del live.books[BTC]
    assert live.asked() == [("unsubscribe", [BTC])]
    live.hear(live.markets[BTC].update([("99.5", "1.00000000")]), acknowledged("unsubscribe", BTC))
    live.wait(20)
    assert (live.books[ETH].symbol, live.books[ETH].live) == (ETH, True)


def test_the_status_of_a_pair_is_followed(live: Conversation) -> None:
    frame = instruments(BTC, kind="update").replace(
        b'"symbol": "BTC/USD"', b'"symbol": "BTC/USD", "status": "cancel_only"'
    )
    live.hear(frame)
    assert live.books[BTC].pair_status == "cancel_only"
    assert live.books[BTC].live


def test_a_connection_without_symbols_is_complete_once_it_knows_that_there_are_none() -> None:
    conversation = Conversation()
    assert not conversation.session.complete
    conversation.hear(instruments(BTC))
    assert conversation.session.complete


# What must not be believed, or not for long


@pytest.mark.parametrize("kind", ["update", "snapshot"])
def test_pairs_are_not_known_before_all_of_them_were_told(kind: str) -> None:
    conversation = Conversation(BTC)
    conversation.said()
    conversation.hear(instruments(*([BTC] if kind == "update" else []), kind=kind))
    assert conversation.asked() == []
    assert not conversation.session.complete
    conversation.wait(11)
    assert [r["params"]["channel"] for r in conversation.said()] == ["instrument"]


def test_a_symbol_refused_for_want_of_precisions_is_asked_for_once_they_are_known() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(ETH), acknowledged("subscribe", BTC))
    conversation.said()
    assert conversation.books[BTC].status == "refused"
    conversation.hear(instruments(BTC, kind="update"))
    assert conversation.asked() == [("unsubscribe", [BTC])]
    conversation.hear(acknowledged("unsubscribe", BTC))
    assert conversation.asked() == [("subscribe", [BTC])]


def test_a_symbol_that_comes_back_before_it_has_been_left_waits_for_that(
    live: Conversation,
) -> None:
    live.session.remove(BTC)
    live.session.add(BTC)
    assert live.asked() == [("unsubscribe", [BTC])]
    live.wait(5)
    assert live.asked() == []
    live.hear(live.markets[BTC].snapshot())
    live.hear(acknowledged("unsubscribe", BTC))
    assert live.asked() == [("subscribe", [BTC])]


def test_a_symbol_that_was_left_without_an_answer_is_left_again(live: Conversation) -> None:
    live.session.remove(BTC)
    del live.books[BTC]
    live.said()
    live.wait(11)
    assert live.asked() == [("unsubscribe", [BTC])]
    live.hear(acknowledged("unsubscribe", BTC))
    live.wait(30)
    assert live.asked() == []


def test_quiet_books_are_not_waited_for_longer_each_time(live: Conversation) -> None:
    for _ in range(6):
        live.wait(QUIET_SECONDS)
        assert live.asked() == [("unsubscribe", [BTC, ETH])]
        for symbol in (BTC, ETH):
            live.hear(acknowledged("unsubscribe", symbol))
        assert live.asked() == [("subscribe", [BTC, ETH])]
        for symbol in (BTC, ETH):
            live.hear(acknowledged("subscribe", symbol), live.markets[symbol].snapshot())
            assert live.books[symbol].live


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"update","channel":"book","data":[{"symbol":"BTC/USD","bids":[{"pri',
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC\\/USD","bids":[{"pri',
    ],
)
def test_a_cut_book_frame_is_found_out_in_any_order_of_keys(frame: bytes) -> None:
    conversation = Conversation(BTC, depth=25)
    conversation.go_live()
    conversation.hear(frame)
    assert conversation.books[BTC].reason == "frame"


def test_a_frame_of_endless_levels_is_not_applied(live: Conversation) -> None:
    level = b'{"price":99.0,"qty":1.00000000}'
    live.hear(
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":['
        + b",".join([level] * 20_000)
        + b'],"asks":[],"checksum":1}]}'
    )
    assert live.books[BTC].reason == "frame"
    assert live.books[ETH].live


def test_words_without_end_are_cut() -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC), refused(BTC, "x" * 100_000))
    assert len(conversation.books[BTC].reason or "") == 200


@pytest.mark.parametrize("name", ["", "A,B/USD", "A/B\n", "A/B/C", 'A"/USD'])
def test_pairs_with_names_that_are_none_are_passed_over(name: str) -> None:
    conversation = Conversation(BTC)
    conversation.hear(instruments(BTC, name))
    assert conversation.listed == [([BTC], True)]


# Frames that are large, or of which a part is odd


@pytest.mark.parametrize(
    ("head", "entry", "tail"),
    [
        (
            b'{"channel":"book","type":"update","data":[',
            b'{"symbol":"C/D","bids":[],"asks":[],"checksum":1}',
            b"]}",
        ),
        (b'{"channel":"book","type":"snapshot","data":[', b"{}" + b" " * 9, b"]}"),
        (
            b'{"channel":"instrument","type":"snapshot","data":{"pairs":[',
            b'{"symbol":"C/D","price_precision":1,"qty_precision":8}',
            b"]}}",
        ),
    ],
)
def test_large_frame_is_taken_in_short_steps(
    live: Conversation, head: bytes, entry: bytes, tail: bytes
) -> None:
    count = 30_000
    frame = head + b",".join([entry] * count) + tail
    steps = live.session.begin(frame, Timestamp(0, int(live.now * 1e9)))
    assert sum(1 for _ in steps or ()) == count // ENTRIES_IN_A_STEP


def test_garbage_makes_no_more_log_than_a_few_lines(live: Conversation) -> None:
    nonsense = [
        b"\xff" * 300,
        b'{"channel":"news","data":5}',
        b'{"error":"no","method":"subscribe"}',
        b'{"channel":"status","data":[{"system":"%d"}]}',
        b'{"channel":"book","type":"update","data":[{}]}',
        b'{"channel":"instrument","type":"update","data":{"pairs":[5,{"symbol":"x"}]}}',
    ]
    with capture_logs() as written:
        for number in range(3000):
            live.hear(nonsense[number % len(nonsense)].replace(b"%d", str(number).encode()))
    assert len(written) < 100
    assert all(len(json.dumps(line)) < 1500 for line in written)


@pytest.mark.parametrize("time", ["1795725366.07", "null", "{}", '"0001-01-01T00:00:00Z"', "1e999"])
def test_senseless_timestamp_costs_only_itself(live: Conversation, time: str) -> None:
    update = live.markets[BTC].update([("98.0", "1.00000000")])
    live.hear(update.replace(f'"{TIME}"'.encode(), time.encode()))
    assert live.books[BTC].live
    assert live.books[BTC].exchange_time is None
    live.hear(live.markets[BTC].update([("98.0", "2.00000000")]))
    assert live.books[BTC].exchange_time == TIME
    assert live.said() == []


@pytest.mark.parametrize("entry", [b'{"bids":[],"asks":[],"checksum":1}', b"5", b'{"symbol":5}'])
def test_entry_without_a_symbol_costs_those_beside_it_nothing(
    live: Conversation, entry: bytes
) -> None:
    update = live.markets[ETH].update([("98.0", "1.00000000")])
    live.hear(update.replace(b'"data":[', b'"data":[' + entry + b","))
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum
    assert live.books[BTC].live
    assert live.said() == []


def test_broken_entry_of_a_symbol_that_is_not_ours_doubts_none_of_ours() -> None:
    conversation = Conversation(BTC, depth=25)
    conversation.go_live()
    conversation.hear(b'{"channel":"book","type":"update","data":[{"symbol":"SOL/USD"}]}')
    assert conversation.books[BTC].live


def test_symbols_that_are_doubted_again_and_again_leave_the_others_their_turn() -> None:
    names = [f"C{number}/USD" for number in range(2 * RESYNCS_PER_10_S)]
    conversation = Conversation(*names)
    conversation.go_live()
    last = names[-1]
    for name in names:
        conversation.hear(conversation.markets[name].wrong_update())
        conversation.hear(acknowledged("unsubscribe", name))
    for _ in range(25):
        for method, symbols in conversation.asked():
            for symbol in symbols if method == "subscribe" else ():
                conversation.hear(acknowledged("subscribe", symbol))
                conversation.hear(conversation.markets[symbol].snapshot())
                if symbol != last:
                    conversation.hear(conversation.markets[symbol].wrong_update())
                    conversation.hear(acknowledged("unsubscribe", symbol))
        conversation.wait(1)
    assert conversation.books[last].live
