"""The synthetic feed: its markets, and the subscribers that wait for a snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulator.catalogue import Profile
from simulator.feed import Subscriber
from simulator.instruments import Instrument
from simulator.listing import Listing
from simulator.market import Market
from simulator.schedule import schedule
from simulator.ticker import Ticker
from simulator.window import DEPTHS

# Deep snapshots take a millisecond each; many at once must not hold up the updates.
_ADMIT_SECONDS = 0.02


@dataclass(frozen=True)
class _Waiting:
    depth: int
    snapshot: bool
    since: float


class Exchange:
    """All synthetic markets, moved by a ticker at `rate` updates per second together.

    Args:
        profiles: The markets.
        seed: With it, the moves of every market and the order of all moves are the same again.
        rate: Mean updates per second over all markets.
        updates: After so many the markets stand still; 0 for never.

    """

    def __init__(
        self, profiles: Sequence[Profile], *, seed: int = 1, rate: float = 100.0, updates: int = 0
    ) -> None:
        self._listings = {item.symbol: Listing(Market(item, seed)) for item in profiles}
        self._following: dict[tuple[Subscriber, str], int] = {}
        self._waiting: dict[tuple[Subscriber, str], _Waiting] = {}
        weights = {item.symbol: item.weight for item in profiles}
        self._schedule = schedule(weights, rate, seed)
        self._updates = updates

    def instruments(self) -> Iterable[Instrument]:
        """What is listed."""
        return [listing.instrument for listing in self._listings.values()]

    def lists(self, symbol: str) -> bool:
        """Whether there is such a market."""
        return symbol in self._listings

    def serves(self, symbol: str, depth: int) -> bool:  # noqa: ARG002 - all markets alike
        """Whether a market is served at this depth."""
        return depth in DEPTHS

    def subscribe(self, symbol: str, depth: int, subscriber: Subscriber, snapshot: bool) -> None:
        """Let the subscriber follow a market from the next `admit` on."""
        self._waiting[subscriber, symbol] = _Waiting(depth, snapshot, time.monotonic())

    def unsubscribe(self, symbol: str, subscriber: Subscriber) -> None:
        """Send nothing more of a market."""
        self._waiting.pop((subscriber, symbol), None)
        depth = self._following.pop((subscriber, symbol), None)
        if depth is not None:
            self._listings[symbol].unfollow(depth, subscriber)

    async def run(self) -> None:
        """Move the markets by the clock, until cancelled."""
        await Ticker(self, self._schedule, self._updates).run()

    def admit(self, waited: float = 0.0) -> bool:
        """Send their snapshots to those that have waited so many seconds.

        Returns whether somebody follows and nobody waits.
        """
        now = time.monotonic()
        while self._waiting and time.monotonic() - now < _ADMIT_SECONDS:
            (subscriber, symbol), waiting = next(iter(self._waiting.items()))
            if now - waiting.since < waited:
                break
            del self._waiting[subscriber, symbol]
            listing = self._listings[symbol]
            if waiting.snapshot:
                subscriber.push(listing.snapshot(waiting.depth))
            listing.follow(waiting.depth, subscriber)
            self._following[subscriber, symbol] = waiting.depth
        return bool(self._following) and not self._waiting

    def move(self, symbol: str) -> None:
        """Make one update of a market and send it to those that follow."""
        self._listings[symbol].move()

    def advance(self, updates: int) -> None:
        """Make the next updates at once, without the clock and not while it runs.

        They are the very updates that `run` would have made.
        """
        for _ in range(updates):
            self.move(next(self._schedule)[1])

    def listing(self, symbol: str) -> Listing:
        """A market and its book. Raises KeyError where it is not listed."""
        return self._listings[symbol]
