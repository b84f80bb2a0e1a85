"""The interface between a session and a source of book frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simulator.protocol.instruments import SimulatedInstrument

DEPTHS = (10, 25, 100, 500, 1000)
"""The depths at which Kraken serves books."""
SNAPSHOT_SECONDS = 0.02
"""The delay from the acknowledgement of a subscription to its snapshot."""


class FeedSubscriber(Protocol):
    """The receiver of one connection's frames."""

    def push(self, packed: bytes) -> None:
        """Queue a frame from `wire.pack`; never blocks."""

    async def drained(self) -> None:
        """Wait until the queue is short."""


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

        The snapshot is sent after `SNAPSHOT_SECONDS`. An earlier `unsubscribe` cancels it, as at
        Kraken.
        """

    def unsubscribe(self, symbol: str, subscriber: FeedSubscriber) -> None:
        """Stop sending a book to the subscriber."""

    async def run(self) -> None:
        """Serve subscribers until cancelled."""
