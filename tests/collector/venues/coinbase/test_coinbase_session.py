"""A connection to Coinbase: its counter, its snapshots, and its reaction to faults."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from collector.venues.coinbase.products import decode_products
from collector.venues.coinbase.venue import coinbase_traits
from collector.venues.sequenced.protocol import VenuePair
from collector.venues.session import SequenceGap
from kraken_book.precision import Precision
from tests.collector.venues.sequenced.venue_side import VenueConversation

BTC = VenuePair("BTC/USD", "BTC-USD", Precision(2, 8), "online", is_traded=True)
ETH = VenuePair("ETH/USD", "ETH-USD", Precision(2, 8), "online", is_traded=True)
SAME = "same book as BTC/USD"
USDC = VenuePair("BTC/USDC", "BTC-USDC", Precision(2, 8), "online", is_traded=True, refusal=SAME)
TIME = "2026-08-24T22:34:13.793075885Z"


class Coinbase(VenueConversation):
    """Coinbase's side of a connection."""

    def __init__(self, *pairs: VenuePair) -> None:
        super().__init__(coinbase_traits(10), pairs or (BTC, ETH))
        self.number = 0
        self.first_requests = self.requests()

    def send(self, channel: str, *events: object, time: str = TIME) -> None:
        frame = {"channel": channel, "timestamp": time, "sequence_num": self.number}
        self.number += 1
        self.take({**frame, "events": events})

    def book(self, kind: str, pair: str, *levels: tuple[str, str, str], time: str = TIME) -> None:
        updates = [
            {"side": side, "event_time": TIME, "price_level": price, "new_quantity": qty}
            for side, price, qty in levels
        ]
        self.send("l2_data", {"type": kind, "product_id": pair, "updates": updates}, time=time)

    def snapshot(self, pair: str = "BTC-USD") -> None:
        levels = [("bid", "99.5", "1"), ("bid", "99", "2"), ("offer", "100.05", "3")]
        self.book("snapshot", pair, *levels)

    def subscribed(self, *pairs: str) -> None:
        self.send("subscriptions", {"subscriptions": {"level2": pairs, "heartbeats": []}})


def test_connection_asks_for_heartbeats_and_then_for_all_books() -> None:
    assert Coinbase().first_requests == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": "level2"},
    ]


def test_snapshot_before_its_acknowledgement_is_padded_and_live() -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.subscribed("BTC-USD", "ETH-USD")
    assert venue.sides("BTC/USD") == (
        [("99.50", "1.00000000"), ("99.00", "2.00000000")],
        [("100.05", "3.00000000")],
    )
    assert venue.books["ETH/USD"].status == "syncing"


def test_changes_orphan_deletes_and_empty_updates() -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.book("update", "BTC-USD")
    venue.book("update", "BTC-USD", ("bid", "50", "0"), ("offer", "120.1", "0"))
    venue.book("update", "BTC-USD", ("bid", "99.5", "0"), ("offer", "100.01", "0.5"))
    assert venue.sides("BTC/USD") == (
        [("99.00", "2.00000000")],
        [("100.01", "0.50000000"), ("100.05", "3.00000000")],
    )
    # Only the last update changed the window.
    assert [kind for kind, _ in venue.witnesses["BTC/USD"].seen].count("update") == 1


def test_update_with_a_time_of_year_one_is_applied_without_a_time() -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.book("update", "BTC-USD", ("bid", "99.5", "7"), time="0001-01-01T00:00:00Z")
    assert venue.books["BTC/USD"].exchange_time is None
    assert venue.sides("BTC/USD")[0][0] == ("99.50", "7.00000000")


@pytest.mark.parametrize("skipped", [1, 5, -1])
def test_missing_or_repeated_number_ends_the_connection_and_all_its_books(skipped: int) -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.snapshot("ETH-USD")
    venue.number += skipped
    with pytest.raises(SequenceGap, match="was expected") as gap:
        venue.send("heartbeats", {"heartbeat_counter": 1})
    venue.session.close(gap.value.reason)
    for book in venue.books.values():
        assert (book.status, book.reason) == ("syncing", "sequence")


def test_missing_heartbeat_ends_the_connection() -> None:
    venue = Coinbase()
    venue.send("heartbeats", {"current_time": "…", "heartbeat_counter": 41})
    venue.send("heartbeats", {"current_time": "…", "heartbeat_counter": "42"})
    with pytest.raises(SequenceGap, match="heartbeat 44"):
        venue.send("heartbeats", {"heartbeat_counter": 44})


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'{"channel":"l2_data"}', b"1"])
def test_frame_that_cannot_be_decoded_ends_the_connection(data: bytes) -> None:
    with pytest.raises(SequenceGap):
        Coinbase().take(data)


def test_crossed_book_is_unsubscribed_and_subscribed_again_alone() -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.snapshot("ETH-USD")
    venue.subscribed("BTC-USD", "ETH-USD")
    venue.book("update", "BTC-USD", ("bid", "101", "1"))
    assert (venue.books["BTC/USD"].status, venue.books["BTC/USD"].reason) == ("syncing", "crossed")
    assert [each["type"] for each in venue.requests()] == ["unsubscribe"]
    # Late frames of the old subscription.
    venue.book("update", "BTC-USD", ("bid", "99.5", "9"))
    venue.subscribed("ETH-USD")
    assert [each["type"] for each in venue.requests(seconds=2)] == ["subscribe"]
    venue.snapshot()
    assert venue.books["BTC/USD"].status == "live"
    assert venue.witnesses["ETH/USD"].seen[-1][0] == "snapshot"


def test_number_with_more_decimals_resyncs_book_and_requests_the_list() -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.book("update", "BTC-USD", ("bid", "99.501", "1"))
    assert venue.books["BTC/USD"].reason == "precision"
    assert venue.listing.refreshed == 1


def test_changed_precision_in_the_list_resyncs_the_book() -> None:
    venue = Coinbase()
    venue.snapshot()
    venue.subscribed("BTC-USD", "ETH-USD")
    finer = VenuePair("BTC/USD", "BTC-USD", Precision(3, 8), "online", is_traded=True)
    venue.listing.change(finer)
    venue.wait(1.0)
    assert venue.books["BTC/USD"].reason == "precision"
    venue.requests()
    venue.subscribed("ETH-USD")
    venue.requests(seconds=2)
    venue.snapshot()
    assert venue.sides("BTC/USD")[1] == [("100.050", "3.00000000")]


def test_alias_and_unlisted_pair_are_refused_with_the_reason() -> None:
    unlisted = VenuePair("XYZ/USD", "XYZ-USD", None, None, is_traded=False)
    venue = VenueConversation(coinbase_traits(10), [USDC, unlisted])
    venue.listing.pairs.pop("XYZ/USD")
    venue.wait(1.0)
    reasons = {symbol: (book.status, book.reason) for symbol, book in venue.books.items()}
    assert reasons["BTC/USDC"] == ("refused", SAME)


def test_products_are_decoded_and_broken_ones_left_out() -> None:
    product: dict[str, Any] = {
        "product_id": "BTC-USD",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "status": "online",
        "alias": "",
        "alias_to": ["BTC-USDC"],
    }
    usdc = {**product, "product_id": "BTC-USDC", "alias": "BTC-USD", "auction_mode": True}

    body = msgspec.json.encode({"products": [product, {"product_id": 1}, {"alias": "X"}, usdc]})
    first, second = decode_products(body.replace(b'"X"', b'"\xff"'))
    assert first == VenuePair("BTC/USD", "BTC-USD", Precision(2, 8), "online", is_traded=True)
    assert (second.refusal, second.status) == ("same book as BTC/USD", "auction_mode")
    with pytest.raises(ValueError, match=r"products|object"):
        decode_products(b"[]")
