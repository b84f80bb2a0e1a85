"""The requests that Kraken documents."""

from __future__ import annotations

import json

from collector.venues.kraken.requests import (
    subscribe_books,
    subscribe_instruments,
    unsubscribe_books,
)


def test_requests_are_as_kraken_documents_them() -> None:
    assert json.loads(subscribe_instruments(79)) == {
        "method": "subscribe",
        "params": {"channel": "instrument"},
        "req_id": 79,
    }
    assert json.loads(subscribe_books(["BTC/USD"], 10, 1)) == {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 10, "snapshot": True},
        "req_id": 1,
    }
    assert json.loads(unsubscribe_books(["MINA/GBP"], 25, 2)) == {
        "method": "unsubscribe",
        "params": {"channel": "book", "symbol": ["MINA/GBP"], "depth": 25},
        "req_id": 2,
    }
