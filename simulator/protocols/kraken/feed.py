"""The interface between a session and a source of book frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simulator.market.instrument import SimulatedInstrument
from simulator.market.subscriber import FeedSubscriber

DEPTHS = (10, 25, 100, 500, 1000)
"""The depths at which Kraken serves books."""


class SimulatedFeed(Protocol):
    """A source of books, in which a subscriber can follow each symbol once."""

    def instruments(self) -> Iterable[SimulatedInstrument]:
        """Return the listed pairs."""

    def lists(self, symbol: str) -> bool:
        """Return whether the symbol is open for subscriptions."""

    def serves(self, symbol: str, depth: int) -> bool:
        """Return whether a listed symbol is served at this depth."""

    def subscribe(
        self, symbol: str, depth: int, subscriber: FeedSubscriber, snapshot: bool
    ) -> None:
        """Send the subscriber a book's snapshot, if `snapshot`, and all updates after it.

        The snapshot is sent after `subscriber.SNAPSHOT_SECONDS`. An earlier `unsubscribe` cancels
        it, as at Kraken.
        """

    def unsubscribe(self, symbol: str, subscriber: FeedSubscriber) -> None:
        """Stop sending a book to the subscriber."""

    async def run(self) -> None:
        """Serve subscribers until cancelled."""
