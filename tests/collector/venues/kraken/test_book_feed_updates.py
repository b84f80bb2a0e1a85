"""Book frames that a session applies and verifies."""

from __future__ import annotations

import json

import pytest

from collector.feed.timestamp import Timestamp
from lab.recordings import FindRecording
from tests.collector.venues.kraken.kraken_side import (
    BTC,
    ETH,
    TIME,
    Conversation,
    Market,
    instruments,
    together,
)

pytestmark = pytest.mark.usefixtures("hot_path")


def test_update_is_applied_and_verified(live: Conversation) -> None:
    market, book = live.markets[BTC], live.books[BTC]
    live.now += 3
    live.receive(market.update([("100.5", "7.00000000")], [("101.0", "0.00000000")]))
    assert book.is_live
    assert book.checksum == market.book.checksum
    assert json.loads(book.view().bids) == [list(level) for level in market.book.bids]
    assert json.loads(book.view().asks) == [list(level) for level in market.book.asks]
    assert book.exchange_time == TIME
    assert book.read_at == Timestamp(1_785_641_751_702_114_000, int(live.now * 1e9))


def test_snapshot_without_a_request_replaces_a_live_book(live: Conversation) -> None:
    other = Market(BTC)
    other.update([("100.0", "0.00000000"), ("97.0", "5.00000000")])
    live.receive(other.snapshot())
    assert live.books[BTC].is_live
    assert live.books[BTC].checksum == other.book.checksum
    live.receive(other.update([("98.0", "1.00000000")]))
    assert live.books[BTC].checksum == other.book.checksum
    assert live.requests() == []


def test_frame_of_an_unwanted_symbol_is_ignored(live: Conversation) -> None:
    live.receive(Market("SOL/USD").snapshot(), Market("SOL/USD").wrong_update())
    assert live.requests() == []
    assert all(book.is_live for book in live.books.values())


def test_entries_of_one_frame_are_independent(live: Conversation) -> None:
    good = live.markets[ETH].update([("98.0", "1.00000000")])
    live.receive(together(live.markets[BTC].wrong_update(), good))
    assert live.books[BTC].status == "syncing"
    assert live.books[ETH].is_live
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum


@pytest.mark.parametrize(
    ("name", "verified"),
    [("kraken-btcusd-depth10.jsonl", 296), ("kraken-btcusd-depth25.jsonl", 2051)],
)
def test_recorded_conversation_raises_no_doubt(
    recorded: FindRecording, name: str, verified: int
) -> None:
    depth = 25 if "25" in name else 10
    conversation = Conversation(BTC, depth=depth)
    conversation.receive(instruments(BTC))
    updates = 0
    for line in recorded(name).read_bytes().splitlines():
        conversation.receive(line)
        updates += b'"type":"update","data":[{"symbol"' in line and conversation.books[BTC].is_live
        assert conversation.books[BTC].reason is None
    assert updates == verified
