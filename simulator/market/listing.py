"""A listed market and its followers, without the form of a venue's frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from simulator.faults.active import FaultQueue
from simulator.faults.kinds import OfSubscription, OfUpdate
from simulator.market.catalogue import Profile
from simulator.market.instrument import SimulatedInstrument
from simulator.market.market import Market

S = TypeVar("S")
"""The type of a listing's followers, which the venue's protocol defines."""


class Listing(ABC, Generic[S]):
    """One listed market of a venue; the venue's protocol renders its moves.

    Attributes:
        market: The full book.
        instrument: The pair, its precisions and its status.
        update_faults: The faults of the next updates.
        subscription_faults: The faults of the next subscriptions.

    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.instrument: SimulatedInstrument = market.profile.instrument
        self.update_faults: FaultQueue[OfUpdate] = FaultQueue()
        self.subscription_faults: FaultQueue[OfSubscription] = FaultQueue()
        self._followers: dict[int, set[S]] = {}

    def follow(self, depth: int, subscriber: S) -> None:
        """Send updates at this depth to the subscriber from now on."""
        self._followers.setdefault(depth, set()).add(subscriber)

    def unfollow(self, depth: int, subscriber: S) -> None:
        """Stop sending updates to the subscriber."""
        followers = self._followers[depth]
        followers.discard(subscriber)
        if not followers:
            del self._followers[depth]

    @abstractmethod
    def send_first(self, depth: int, subscriber: S, *, snapshot: bool, early: bool) -> None:
        """Send the frames that precede the updates.

        Args:
            depth: The depth of the subscription.
            subscriber: The receiver.
            snapshot: Whether to send the book.
            early: Whether to send an update before it, as a fault demands.

        """

    @abstractmethod
    def move(self, *, muted: bool = False) -> None:
        """Make one update and send it, unless `muted`."""

    @abstractmethod
    def update_count(self, depth: int) -> int:
        """Return the updates since the start that a follower at this depth gets without faults."""

    def replace(self, market: Market) -> None:
        """Switch to another market; followers get no new snapshot."""
        self.market = market
        self.instrument = market.profile.instrument


class MarketVenue(Protocol[S]):
    """What the markets of a venue need of its protocol."""

    def profile_of(self, symbol: str) -> Profile:
        """Return the profile of a pair of this venue; ValueError if the symbol is malformed."""

    def listing_of(self, market: Market) -> Listing[S]:
        """Return a new listing of a market."""
