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
        """Queue a frame that `wire.pack` made; never blocks."""

    async def drained(self) -> None:
        """Wait until little is queued."""


class SimulatedFeed(Protocol):
    """A source of books; a subscriber may follow each symbol once."""

    def instruments(self) -> Iterable[SimulatedInstrument]:
        """Return the listed pairs."""

    def lists(self, symbol: str) -> bool:
        """Return whether the symbol can be subscribed to."""

    def serves(self, symbol: str, depth: int) -> bool:
        """Return whether a listed symbol is served at this depth."""

    def subscribe(
        self, symbol: str, depth: int, subscriber: FeedSubscriber, snapshot: bool
    ) -> None:
        """Send the subscriber the snapshot, if it wants one, and all updates after it.

        The snapshot is made after `SNAPSHOT_SECONDS`. An unsubscribe before that cancels it, as it
        does at Kraken.
        """

    def unsubscribe(self, symbol: str, subscriber: FeedSubscriber) -> None:
        """Send the subscriber nothing more of a symbol."""

    async def run(self) -> None:
        """Serve subscribers until cancelled."""
