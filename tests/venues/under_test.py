"""The venues of the conformance suite. Add one entry here for a new venue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class VenueUnderTest(NamedTuple):
    """The facts about a venue that the suite needs.

    Attributes:
        name: The venue's name.
        pairs: Three pairs that its simulator has, without the name of the venue.
        proof: How its books are proved.
        gap_is_of_connection: Whether a lost frame resyncs all books of the connection.
        gap_reasons: The possible reasons of a book after a lost frame.
        gives_books: Whether it gives its present books by REST, to compare with.
        faults: Faults that its simulator spells differently, by `gap`, `precision`, `delist`,
            `rest_limit`, `slow_rest`, `rest_error` or `maintenance`; an empty text if the venue
            cannot have the fault.
    """

    name: str
    pairs: tuple[str, str, str]
    proof: str
    gap_is_of_connection: bool
    gap_reasons: frozenset[str]
    gives_books: bool = True
    faults: Mapping[str, str] = {}

    def fault(self, kind: str, usual: str) -> str:
        """Return how to inject a fault; an empty text if the venue cannot have it."""
        return self.faults.get(kind, usual)


VENUES = (
    VenueUnderTest(
        name="kraken",
        pairs=("BTC/USD", "ETH/USD", "SOL/USD"),
        proof="checksum",
        gap_is_of_connection=False,
        gap_reasons=frozenset({"checksum"}),
        gives_books=False,
        faults=dict.fromkeys(("rest_limit", "slow_rest", "rest_error", "maintenance"), ""),
    ),
    VenueUnderTest(
        name="coinbase",
        pairs=("BTC/USD", "ETH/USD", "SOL/USD"),
        proof="sequence",
        gap_is_of_connection=True,
        gap_reasons=frozenset({"sequence"}),
    ),
    VenueUnderTest(
        name="binance",
        pairs=("BTC/USDT", "ETH/USDT", "SOL/USDT"),
        proof="sequence",
        gap_is_of_connection=False,
        gap_reasons=frozenset({"sequence"}),
    ),
    VenueUnderTest(
        name="bitfinex",
        pairs=("BTC/USD", "ETH/USD", "SOL/USD"),
        proof="sequence+checksum",
        gap_is_of_connection=True,
        gap_reasons=frozenset({"sequence"}),
        # Its prices have significant digits.
        faults={"precision": ""},
    ),
)
