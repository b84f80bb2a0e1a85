"""What a session and a source of book frames know of each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simulator.instruments import Instrument

SNAPSHOT_SECONDS = 0.02
"""How long after the acknowledgement a snapshot is made."""
DEPTH_NOT_SUPPORTED = "Subscription depth not supported"


class Subscriber(Protocol):
    """Where a connection's frames go."""

    def push(self, packed: bytes) -> None:
        """Queue a frame, packed by `wire.pack`; never blocks."""

    async def drained(self) -> None:
        """Wait while a good deal is still queued."""


class Feed(Protocol):
    """A source of books; a subscriber may follow each symbol once."""

    def instruments(self) -> Iterable[Instrument]:
        """What is listed."""

    def lists(self, symbol: str) -> bool:
        """Whether the symbol is served."""

    def serves(self, symbol: str, depth: int) -> bool:
        """Whether a listed symbol is served at this depth."""

    def subscribe(self, symbol: str, depth: int, subscriber: Subscriber, snapshot: bool) -> None:
        """Send the subscriber, a moment later, the snapshot if asked for, and updates from then.

        The moment lets an unsubscribe that follows at once win: no snapshot then, as at Kraken.
        """

    def unsubscribe(self, symbol: str, subscriber: Subscriber) -> None:
        """Send nothing more of a symbol."""

    async def run(self) -> None:
        """Work until cancelled."""
