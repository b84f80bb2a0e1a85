"""Resyncs of books: alone, later each time, and within a budget."""

from __future__ import annotations

import pytest

from collector.venues.kraken.requests import REQUESTS_PER_SECOND
from collector.venues.kraken.venue import RESYNCS_PER_10_S
from tests.collector.venues.kraken.kraken_side import (
    BTC,
    ETH,
    QUIET_SECONDS,
    Conversation,
    Market,
    acknowledged,
    book_frame,
    resubscribe,
)

pytestmark = pytest.mark.usefixtures("hot_path")


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
def test_book_in_doubt_alone_is_resynced(live: Conversation, frame: bytes, reason: str) -> None:
    live.receive(frame)
    book = live.books[BTC]
    assert (book.status, book.reason, book.book) == ("syncing", reason, None)
    assert live.requested() == [("unsubscribe", [BTC])]
    live.receive(live.markets[ETH].update([("98.0", "1.00000000")]))
    assert live.books[ETH].is_live
    resubscribe(live, BTC)
    assert live.books[ETH].is_live
    assert live.requests() == []


def test_crossed_book_is_doubted_even_if_its_checksum_agrees(live: Conversation) -> None:
    live.receive(live.markets[BTC].update([("101.0", "1.00000000")]))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "crossed")
    assert live.requested() == [("unsubscribe", [BTC])]


def test_frames_of_the_old_subscription_are_ignored_until_the_new_snapshot(
    live: Conversation,
) -> None:
    market, book = live.markets[BTC], live.books[BTC]
    late = market.update([("99.5", "1.00000000")])
    live.receive(market.wrong_update())
    old_snapshot = Market(BTC).snapshot()
    live.receive(late, old_snapshot)
    assert book.status == "syncing"
    live.receive(acknowledged("unsubscribe", BTC))
    live.receive(late)
    assert book.status == "syncing"
    assert live.requested() == [("unsubscribe", [BTC]), ("subscribe", [BTC])]
    live.receive(late)
    assert book.status == "syncing"
    live.receive(acknowledged("subscribe", BTC), market.snapshot())
    assert book.is_live
    assert book.checksum == market.book.checksum


def test_repeated_doubts_of_a_symbol_have_growing_delays(live: Conversation) -> None:
    waits = []
    for _ in range(7):
        live.receive(live.markets[BTC].wrong_update())
        assert live.requested() == [("unsubscribe", [BTC])]
        live.receive(acknowledged("unsubscribe", BTC))
        begun = live.now
        while not (asked := live.requested()):
            live.wait(1)
            assert live.now - begun < 62, "no request"
        waits.append(live.now - begun)
        assert asked == [("subscribe", [BTC])]
        live.receive(acknowledged("subscribe", BTC), live.markets[BTC].snapshot())
    assert waits[0] == 0
    assert waits[1] >= 1
    assert waits[4] >= 4
    assert max(waits) > 15
    assert live.books[ETH].is_live


def test_doubt_after_a_minute_of_being_live_has_no_delay(live: Conversation) -> None:
    for _ in range(3):
        live.receive(live.markets[BTC].wrong_update(), acknowledged("unsubscribe", BTC))
        assert live.requested() == [("unsubscribe", [BTC]), ("subscribe", [BTC])]
        live.receive(acknowledged("subscribe", BTC), live.markets[BTC].snapshot())
        live.wait(61)


def test_update_before_its_snapshot_is_doubted(live: Conversation) -> None:
    market = live.markets[BTC]
    live.receive(market.wrong_update(), acknowledged("unsubscribe", BTC))
    live.requests()
    live.receive(acknowledged("subscribe", BTC), market.update([("99.5", "1.00000000")]))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "early")
    assert live.requested() == [("unsubscribe", [BTC])]
    live.receive(market.snapshot())
    assert not live.books[BTC].is_live, "the snapshot belongs to the old subscription"
    assert live.books[ETH].is_live


def test_quiet_book_is_resynced(live: Conversation) -> None:
    live.wait(QUIET_SECONDS / 2)
    live.receive(live.markets[ETH].update([("99.5", "1.00000000")]))
    live.wait(QUIET_SECONDS / 2)
    assert live.requested() == [("unsubscribe", [BTC])]
    assert live.books[BTC].reason == "quiet"
    assert live.books[ETH].is_live
    live.receive(acknowledged("unsubscribe", BTC))
    assert live.requested() == [("subscribe", [BTC])]


def test_resyncs_of_all_books_stay_within_the_budget() -> None:
    names = [f"C{number}/USD" for number in range(200)]
    conversation = Conversation(*names)
    conversation.go_live()
    for name in names:
        conversation.receive(conversation.markets[name].wrong_update())
        conversation.receive(acknowledged("unsubscribe", name))
    asked_again: list[float] = []
    while len(asked_again) < len(names):
        for method, symbols in conversation.requested():
            if method == "subscribe":
                asked_again += [conversation.now] * len(symbols)
                for symbol in symbols:
                    snapshot = conversation.markets[symbol].snapshot()
                    conversation.receive(acknowledged("subscribe", symbol), snapshot)
        conversation.wait(1)
    for at in asked_again:
        within = [other for other in asked_again if at <= other < at + 10]
        assert len(within) <= RESYNCS_PER_10_S
    assert max(asked_again) - min(asked_again) < 60, "each was resynced"


def test_resyncs_of_quiet_books_stay_within_the_budget() -> None:
    names = [f"C{number}/USD" for number in range(200)]
    conversation = Conversation(*names)
    conversation.go_live()
    conversation.wait(QUIET_SECONDS)
    assert sum(not book.is_live for book in conversation.books.values()) <= RESYNCS_PER_10_S


def test_requests_are_limited_in_rate_and_have_many_symbols(live: Conversation) -> None:
    names = [f"C{number}/USD" for number in range(50)]
    conversation = Conversation(*names)
    conversation.go_live()
    for name in names:
        conversation.receive(conversation.markets[name].wrong_update())
    assert conversation.requested() == [("unsubscribe", names)]
    conversation.now += 1
    for name in names:
        conversation.receive(acknowledged("unsubscribe", name))
    assert len(conversation.requests()) <= REQUESTS_PER_SECOND


def test_quiet_books_are_resynced_without_growing_delays(live: Conversation) -> None:
    for _ in range(6):
        live.wait(QUIET_SECONDS)
        assert live.requested() == [("unsubscribe", [BTC, ETH])]
        for symbol in (BTC, ETH):
            live.receive(acknowledged("unsubscribe", symbol))
        assert live.requested() == [("subscribe", [BTC, ETH])]
        for symbol in (BTC, ETH):
            live.receive(acknowledged("subscribe", symbol), live.markets[symbol].snapshot())
            assert live.books[symbol].is_live


def test_symbols_in_constant_doubt_leave_other_symbols_their_resyncs() -> None:
    names = [f"C{number}/USD" for number in range(2 * RESYNCS_PER_10_S)]
    conversation = Conversation(*names)
    conversation.go_live()
    last = names[-1]
    for name in names:
        conversation.receive(conversation.markets[name].wrong_update())
        conversation.receive(acknowledged("unsubscribe", name))
    for _ in range(25):
        for method, symbols in conversation.requested():
            for symbol in symbols if method == "subscribe" else ():
                conversation.receive(acknowledged("subscribe", symbol))
                conversation.receive(conversation.markets[symbol].snapshot())
                if symbol != last:
                    conversation.receive(conversation.markets[symbol].wrong_update())
                    conversation.receive(acknowledged("unsubscribe", symbol))
        conversation.wait(1)
    assert conversation.books[last].is_live
