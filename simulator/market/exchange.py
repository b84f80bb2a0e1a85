"""The feed of the synthetic markets, with the subscribers that wait for a snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic

from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import (
    AckOnly,
    ChangePrecision,
    Early,
    FaultError,
    ListPair,
    Mute,
    OfMarket,
    OfSubscription,
    OfUpdate,
    PairStatus,
    Refuse,
    Silence,
)
from simulator.market.catalogue import Profile
from simulator.market.instrument import SimulatedInstrument
from simulator.market.listing import Listing, MarketVenue, S
from simulator.market.market import Market
from simulator.market.schedule import Schedule
from simulator.market.ticker import Ticker

_ADMIT_SECONDS = 0.02
"""The limit of time for snapshots, so that many deep ones do not delay the updates."""
_DELISTED = "delisted"


@dataclass(frozen=True)
class _Waiting:
    depth: int
    snapshot: bool
    since: float
    early: bool
    """Whether an update precedes the snapshot."""


class Exchange(Generic[S]):
    """All synthetic markets.

    Args:
        venue: Opens the listings of the markets.
        profiles: The markets.
        seed: The seed of all moves; the same seed makes the same moves in the same order.
        rate: The mean of updates per second over all markets.
        updates: The number of updates after which the markets stop; 0 for no limit.

    Attributes:
        active_faults: The lasting faults of single markets.

    """

    def __init__(
        self,
        venue: MarketVenue[S],
        profiles: Sequence[Profile],
        *,
        seed: int = 1,
        rate: float = 100.0,
        updates: int = 0,
    ) -> None:
        self.active_faults = ActiveFaults()
        self._venue = venue
        self._listings = {item.symbol: venue.listing_of(Market(item, seed)) for item in profiles}
        self._following: dict[tuple[S, str], int] = {}
        self._waiting: dict[tuple[S, str], _Waiting] = {}
        self._schedule = Schedule({item.symbol: item.weight for item in profiles}, rate, seed)
        self._seed = seed
        self._updates = updates

    def instruments(self) -> Iterable[SimulatedInstrument]:
        """Return the listed pairs."""
        listed = [listing.instrument for listing in self._listings.values()]
        return [instrument for instrument in listed if instrument.status != _DELISTED]

    def lists(self, symbol: str) -> bool:
        """Return whether the symbol is listed and no fault refuses it."""
        listing = self._listings.get(symbol)
        if listing is None or listing.instrument.status == _DELISTED:
            return False
        return self.active_faults.get(Refuse, symbol) is None

    def subscribe(self, symbol: str, depth: int, subscriber: S, snapshot: bool) -> None:
        """Queue a subscriber until `admit` sends its snapshot and adds it to the followers."""
        fault = self._listings[symbol].subscription_faults.pop()
        if not isinstance(fault, AckOnly):
            early = isinstance(fault, Early)
            waiting = _Waiting(depth, snapshot, time.monotonic(), early)
            self._waiting[subscriber, symbol] = waiting

    def unsubscribe(self, symbol: str, subscriber: S) -> None:
        """Stop sending a market to the subscriber."""
        self._waiting.pop((subscriber, symbol), None)
        depth = self._following.pop((subscriber, symbol), None)
        if depth is not None:
            self._listings[symbol].unfollow(depth, subscriber)

    async def run(self) -> None:
        """Move the markets on schedule until cancelled."""
        await Ticker(self, self._schedule, self._updates).run()

    def admit(self, waited: float = 0.0) -> bool:
        """Send snapshots to the subscribers that have waited long enough.

        Args:
            waited: The seconds that a subscriber must have waited.

        Returns:
            Whether there are followers and no subscriber waits.

        """
        now = time.monotonic()
        while self._waiting and time.monotonic() - now < _ADMIT_SECONDS:
            (subscriber, symbol), waiting = next(iter(self._waiting.items()))
            if now - waiting.since < waited:
                break
            del self._waiting[subscriber, symbol]
            listing = self._listings[symbol]
            listing.send_first(
                waiting.depth, subscriber, snapshot=waiting.snapshot, early=waiting.early
            )
            listing.follow(waiting.depth, subscriber)
            self._following[subscriber, symbol] = waiting.depth
        return bool(self._following) and not self._waiting

    def move(self, symbol: str) -> None:
        """Make one update of a market and send it to its followers, unless a fault prevents it."""
        listing = self._listings[symbol]
        if listing.instrument.status == _DELISTED or self.active_faults.get(Silence, symbol):
            return
        listing.move(muted=self.active_faults.get(Mute, symbol) is not None)

    def advance(self, updates: int) -> None:
        """Make the next updates of the schedule at once; not while `run` is running."""
        for _ in range(updates):
            self.move(next(self._schedule)[1])

    def listing(self, symbol: str) -> Listing[S]:
        """Return the market of a symbol; KeyError if there is none."""
        return self._listings[symbol]

    def listings(self) -> Iterable[Listing[S]]:
        """Return all markets, including delisted markets."""
        return self._listings.values()

    def inject(self, fault: OfMarket) -> SimulatedInstrument | None:
        """Apply a fault; FaultError if the market does not exist or does not allow it.

        Returns:
            The pair if the fault changed it, for followers of the instrument channel.

        """
        match fault:
            case ListPair(symbol=symbol):
                return self._add_listing(symbol)
            case Mute() | Silence() | Refuse():
                self._listing_of(fault.symbol)
                self.active_faults.begin(fault)
                return None
            case ChangePrecision():
                return _set_precision(self._listing_of(fault.symbol), fault, self._seed)
            case PairStatus():
                listing = self._listing_of(fault.symbol)
                listing.instrument = replace(listing.instrument, status=fault.status)
                return listing.instrument
            case AckOnly() | Early():
                self._listing_of(fault.symbol).subscription_faults.add(fault)
                return None
            case _:
                self._listing_of(fault.symbol).update_faults.add(fault)
                return None

    def pending(self) -> list[OfUpdate | OfSubscription]:
        """Return the faults that wait for the markets' next updates and subscriptions."""
        return [
            fault
            for listing in self._listings.values()
            for queue in (listing.update_faults, listing.subscription_faults)
            for fault in queue.pending()
        ]

    def clear_faults(self) -> None:
        """Remove all faults, lasting and waiting."""
        self.active_faults.clear()
        for listing in self._listings.values():
            listing.update_faults.clear()
            listing.subscription_faults.clear()

    def _listing_of(self, symbol: str | None) -> Listing[S]:
        listing = self._listings.get(symbol or "")
        if listing is None:
            some = ", ".join(list(self._listings)[:5])
            raise FaultError(f"symbol={symbol}: it is not listed: use a listed one, such as {some}")
        return listing

    def _add_listing(self, symbol: str) -> SimulatedInstrument:
        if symbol in self._listings:
            raise FaultError(
                f"symbol={symbol}: it is already listed: use a new symbol, or for a delisted one"
                f" pair_status?symbol={symbol}&status=online"
            )
        try:
            profile = self._venue.profile_of(symbol)
        except ValueError as error:
            raise FaultError(f"symbol={symbol}: {error}") from None
        listing = self._listings[symbol] = self._venue.listing_of(Market(profile, self._seed))
        self._schedule.add(symbol, profile.weight)
        return listing.instrument


def _set_precision(listing: Listing[Any], fault: ChangePrecision, seed: int) -> SimulatedInstrument:
    market, status = listing.market, listing.instrument.status
    try:
        profile = market.profile.at(fault.price, fault.qty)
    except ValueError as error:
        raise FaultError(str(error)) from None
    before = market.profile
    if fault.price >= before.price_precision and fault.qty >= before.qty_precision:
        market.refine(profile)
    else:
        # With fewer decimals levels could merge, or the book could become crossed.
        market = Market(profile, seed)
    listing.replace(market)
    listing.instrument = replace(listing.instrument, status=status)
    return listing.instrument
