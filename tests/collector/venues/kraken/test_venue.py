"""Kraken as a venue."""

from __future__ import annotations

import pytest

from collector.feed.venue import Venue
from collector.venues.kraken.frames import Pair
from collector.venues.kraken.venue import KrakenVenue


def test_kraken_is_a_venue_with_a_connection_for_each_name() -> None:
    venue: Venue = KrakenVenue("ws://127.0.0.1:1", "simulated", 25, 2, 60, 300.0)
    connections = [venue.open_connection(name, lambda _pairs, _is_all: True) for name in "12"]
    assert [connection.describe()["name"] for connection in connections] == ["1", "2"]
    assert [connection.describe()["last_frame"] for connection in connections] == [None] * 2
    assert connections[0].link is not connections[1].link


@pytest.mark.parametrize(
    ("status", "is_traded"),
    [
        ("online", True),
        ("maintenance", True),
        (None, True),
        ("delisted", False),
        ("work_in_progress", False),
    ],
)
def test_pair_is_traded_unless_it_is_delisted_or_in_preparation(
    status: str | None, is_traded: bool
) -> None:
    assert Pair("BTC/USD", 1, 8, status).is_traded is is_traded
