"""The receiver of one connection's frames."""

from __future__ import annotations

from typing import Protocol

SNAPSHOT_SECONDS = 0.02
"""The delay from a subscription to its snapshot."""


class FeedSubscriber(Protocol):
    """The receiver of one connection's frames."""

    def push(self, packed: bytes) -> None:
        """Queue a frame from `wire.pack`; never blocks."""

    async def drained(self) -> None:
        """Wait until the queue is short."""
