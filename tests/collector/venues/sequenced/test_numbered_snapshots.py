"""A venue that numbers the changes of each pair, and sends numbered snapshots in the stream."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from collector.venues.coinbase.venue import coinbase_traits
from collector.venues.sequenced.protocol import BookMessage, Granted, Message, VenuePair
from kraken_book.precision import Precision
from tests.collector.venues.sequenced.venue_side import VenueConversation

PAIR = VenuePair("BTC/USD", "btc", Precision(1, 0), "online", is_traded=True)


class NumberedProtocol:
    """Frames are `[kind, number, bids]`; any other frame grants the subscription."""

    def open(self) -> Sequence[str]:
        return []

    def ping(self) -> str | None:
        return None

    def subscribe(self, pairs: Sequence[str]) -> str:
        return msgspec.json.encode(pairs).decode()

    unsubscribe = subscribe

    def decode(self, data: bytes) -> Sequence[Message]:
        kind, number, bids = msgspec.json.decode(data)
        if kind == "granted":
            return [Granted(("btc",))]
        asks = [("9.0", "1")] if kind == "snapshot" else []
        return [
            BookMessage(
                *("btc", bids, asks, None),
                is_snapshot=kind == "snapshot",
                first=number,
                last=number,
            )
        ]


class Numbered(VenueConversation):
    def __init__(self) -> None:
        traits = coinbase_traits(10)._replace(make_protocol=NumberedProtocol)
        super().__init__(traits, [PAIR])
        self.requests()
        self.take(["granted", 0, []])

    def snapshot(self, number: int) -> None:
        self.take(["snapshot", number, [("1.0", "1")]])

    def update(self, number: int, qty: str) -> None:
        self.take(["update", number, [("1.0", qty)]])

    @property
    def state(self) -> tuple[str, str | None, str | None]:
        """Return status and reason of the book, and its best bid's quantity if it is live."""
        book = self.books["BTC/USD"]
        return book.status, book.reason, self.sides("BTC/USD")[0][0][1] if book.is_live else None


@pytest.mark.parametrize("number", [0, 1, 700])
def test_first_change_continues_the_number_of_the_snapshot(number: int) -> None:
    venue = Numbered()
    venue.snapshot(number)
    venue.update(number + 1, "2")
    assert venue.state == ("live", None, "2")


def test_missing_change_after_a_snapshot_is_a_doubt() -> None:
    venue = Numbered()
    venue.snapshot(700)
    venue.update(702, "2")
    assert venue.state == ("syncing", "sequence", None)


def test_changes_after_a_snapshot_that_counts_anew_are_not_taken_for_old_ones() -> None:
    venue = Numbered()
    venue.snapshot(700)
    venue.update(701, "2")
    venue.snapshot(1)
    venue.update(2, "3")
    assert venue.state == ("live", None, "3")
    # A repeated one still is.
    venue.update(2, "4")
    assert venue.state == ("live", None, "3")
