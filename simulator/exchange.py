"""The synthetic feed: its markets, and the subscribers that wait for a snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from simulator.catalogue import Profile, profile_of
from simulator.conditions import Conditions
from simulator.faults import (
    AckOnly,
    Early,
    FaultError,
    ListPair,
    Mute,
    OfMarket,
    OfSubscription,
    OfUpdate,
    PairStatus,
    Precision,
    Refuse,
    Silence,
)
from simulator.feed import Subscriber
from simulator.instruments import Instrument
from simulator.listing import Listing
from simulator.market import Market
from simulator.schedule import Schedule
from simulator.ticker import Ticker
from simulator.window import DEPTHS

# Deep snapshots take a millisecond each; many at once must not hold up the updates.
_ADMIT_SECONDS = 0.02
_DELISTED = "delisted"


@dataclass(frozen=True)
class _Waiting:
    depth: int
    snapshot: bool
    since: float
    early: bool
    """Whether an update goes before the snapshot."""


class Exchange:
    """All synthetic markets, moved by a ticker at `rate` updates per second together.

    Args:
        profiles: The markets.
        seed: With it, the moves of every market and the order of all moves are the same again.
        rate: Mean updates per second over all markets.
        updates: After so many the markets stand still; 0 for never.

    Attributes:
        conditions: The lasting faults of single markets.

    """

    def __init__(
        self, profiles: Sequence[Profile], *, seed: int = 1, rate: float = 100.0, updates: int = 0
    ) -> None:
        self.conditions = Conditions()
        self._listings = {item.symbol: Listing(Market(item, seed)) for item in profiles}
        self._following: dict[tuple[Subscriber, str], int] = {}
        self._waiting: dict[tuple[Subscriber, str], _Waiting] = {}
        self._schedule = Schedule({item.symbol: item.weight for item in profiles}, rate, seed)
        self._seed = seed
        self._updates = updates

    def instruments(self) -> Iterable[Instrument]:
        """What is listed."""
        listed = [listing.instrument for listing in self._listings.values()]
        return [instrument for instrument in listed if instrument.status != _DELISTED]

    def lists(self, symbol: str) -> bool:
        """Whether there is such a market, and subscribing to it is not refused at present."""
        listing = self._listings.get(symbol)
        if listing is None or listing.instrument.status == _DELISTED:
            return False
        return self.conditions.get(Refuse, symbol) is None

    def serves(self, symbol: str, depth: int) -> bool:  # noqa: ARG002 - all markets alike
        """Whether a market is served at this depth."""
        return depth in DEPTHS

    def subscribe(self, symbol: str, depth: int, subscriber: Subscriber, snapshot: bool) -> None:
        """Let the subscriber follow a market from the next `admit` on."""
        fault = self._listings[symbol].subscriptions.take()
        if not isinstance(fault, AckOnly):
            early = isinstance(fault, Early)
            waiting = _Waiting(depth, snapshot, time.monotonic(), early)
            self._waiting[subscriber, symbol] = waiting

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
            if waiting.early:
                subscriber.push(listing.restated())
            if waiting.snapshot:
                subscriber.push(listing.snapshot(waiting.depth))
            listing.follow(waiting.depth, subscriber)
            self._following[subscriber, symbol] = waiting.depth
        return bool(self._following) and not self._waiting

    def move(self, symbol: str) -> None:
        """Make one update of a market and send it to those that follow, faults permitting."""
        listing = self._listings[symbol]
        if listing.instrument.status == _DELISTED or self.conditions.get(Silence, symbol):
            return
        listing.move(told=self.conditions.get(Mute, symbol) is None)

    def advance(self, updates: int) -> None:
        """Make the next updates at once, without the clock and not while it runs.

        They are the very updates that `run` would have made.
        """
        for _ in range(updates):
            self.move(next(self._schedule)[1])

    def listing(self, symbol: str) -> Listing:
        """A market and its book. Raises KeyError where it is not listed."""
        return self._listings[symbol]

    def listings(self) -> Iterable[Listing]:
        """All markets, those that are delisted too."""
        return self._listings.values()

    def inject(self, fault: OfMarket) -> Instrument | None:
        """Do a fault; returns the pair where it has changed, for those that follow instruments.

        Raises FaultError where the fault does not fit the market, or where there is none.
        """
        match fault:
            case ListPair(symbol=symbol):
                return self._list(symbol)
            case Mute() | Silence() | Refuse():
                self._listing_of(fault.symbol)
                self.conditions.begin(fault)
                return None
            case Precision():
                return _set_precision(self._listing_of(fault.symbol), fault, self._seed)
            case PairStatus():
                listing = self._listing_of(fault.symbol)
                listing.instrument = replace(listing.instrument, status=fault.status)
                return listing.instrument
            case AckOnly() | Early():
                self._listing_of(fault.symbol).subscriptions.add(fault)
                return None
            case _:
                self._listing_of(fault.symbol).updates.add(fault)
                return None

    def pending(self) -> list[OfUpdate | OfSubscription]:
        """The faults that wait for a market's next updates and subscriptions."""
        return [
            fault
            for listing in self._listings.values()
            for turns in (listing.updates, listing.subscriptions)
            for fault in turns.waiting()
        ]

    def lift(self) -> None:
        """End the lasting faults, and let none wait."""
        self.conditions.lift()
        for listing in self._listings.values():
            listing.updates.clear()
            listing.subscriptions.clear()

    def _listing_of(self, symbol: str | None) -> Listing:
        listing = self._listings.get(symbol or "")
        if listing is None:
            some = ", ".join(list(self._listings)[:5])
            raise FaultError(f"symbol={symbol}: it is not listed: use one that is, such as {some}")
        return listing

    def _list(self, symbol: str) -> Instrument:
        if symbol in self._listings:
            raise FaultError(
                f"symbol={symbol}: it is listed already; to bring a delisted one back:"
                f" pair_status?symbol={symbol}&status=online"
            )
        try:
            profile = profile_of(symbol)
        except ValueError as error:
            raise FaultError(f"symbol={symbol}: {error}") from None
        listing = self._listings[symbol] = Listing(Market(profile, self._seed))
        self._schedule.add(symbol, profile.weight)
        return listing.instrument


def _set_precision(listing: Listing, fault: Precision, seed: int) -> Instrument:
    market, status = listing.market, listing.instrument.status
    try:
        profile = market.profile.at(fault.price, fault.qty)
    except ValueError as error:
        raise FaultError(str(error)) from None
    was = market.profile
    if fault.price >= was.price_precision and fault.qty >= was.qty_precision:
        market.refine(profile)
    else:
        # With fewer decimals levels would fall together, or on the other side's.
        market = Market(profile, seed)
    listing.replace(market)
    listing.instrument = replace(listing.instrument, status=status)
    return listing.instrument
