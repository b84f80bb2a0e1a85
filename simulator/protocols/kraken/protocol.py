"""Kraken as the server sees it: its markets or a recording, and the sessions of its clients."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from simulator.faults.kinds import KRAKEN_PAIR_STATES, Fault, FaultError, OfKraken, kinds_of
from simulator.market.catalogue import Profile, profile_of
from simulator.market.exchange import Exchange
from simulator.market.listing import Listing
from simulator.market.market import Market
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.kraken.client_requests import BadRequest, parse_request
from simulator.protocols.kraken.feed import DEPTHS, SimulatedFeed
from simulator.protocols.kraken.listing import KrakenMarket
from simulator.protocols.kraken.session import ServerSession
from simulator.protocols.request_log import RequestSummary
from simulator.protocols.venue import ClientLink, SimulatedVenue


class KrakenExchange(Exchange[FeedSubscriber]):
    """All synthetic markets of Kraken; the arguments are those of `Exchange`."""

    def __init__(
        self, profiles: Sequence[Profile], *, seed: int = 1, rate: float = 100.0, updates: int = 0
    ) -> None:
        super().__init__(KrakenMarkets(), profiles, seed=seed, rate=rate, updates=updates)

    def listing(self, symbol: str) -> KrakenMarket:
        """Return the market of a symbol; KeyError if there is none."""
        listing = super().listing(symbol)
        assert isinstance(listing, KrakenMarket)
        return listing

    def serves(self, symbol: str, depth: int) -> bool:  # noqa: ARG002 - all markets alike
        """Return whether Kraken serves books at this depth."""
        return depth in DEPTHS


class KrakenMarkets:
    """Kraken's catalogue of pairs, and the listings of its markets."""

    def profile_of(self, symbol: str) -> Profile:
        """Return the profile of a pair; ValueError if the symbol is malformed."""
        return profile_of(symbol)

    def listing_of(self, market: Market) -> Listing[FeedSubscriber]:
        """Return a new listing of a market."""
        return KrakenMarket(market)


class SimulatedKraken(SimulatedVenue):
    """Kraken's WebSocket v2.

    Args:
        feed: The source of books.

    """

    name = "kraken"
    path = "/v2"
    has_rest = False
    faults: ClassVar[frozenset[type[Fault]]] = kinds_of(OfKraken)
    pair_states = KRAKEN_PAIR_STATES

    def __init__(self, feed: SimulatedFeed) -> None:
        super().__init__()
        self._feed = feed

    @property
    def exchange(self) -> Exchange[Any]:
        """The synthetic markets; FaultError if a recording is replayed."""
        if isinstance(self._feed, Exchange):
            return self._feed
        raise FaultError(
            "a recording is replayed: /books and faults of a symbol require the synthetic"
            " markets, so start without --replay"
        )

    def open_session(self, link: ClientLink, number: int, path: str) -> ServerSession:  # noqa: ARG002
        """Return the session of a new connection."""
        # Kraken's ids exceed 2^53, the limit of exact floats: clients must read integers.
        connection_id = 2**53 + secrets.randbelow(2**64 - 2**53)
        return ServerSession(self._feed, link, connection_id, self.active_faults)

    async def run(self) -> None:
        """Serve all sessions until cancelled."""
        await self._feed.run()

    def summarize(self, message: str | bytes) -> RequestSummary:
        """Return what the log keeps of a client's message."""
        try:
            request = parse_request(message)
        except BadRequest as bad:
            return RequestSummary(bad.method)
        if request.params is None:
            return RequestSummary(request.method)
        return RequestSummary(request.method, request.params.channel, request.params.symbol)

    def depths(self) -> Mapping[str, int]:
        """Return the depths at which Kraken serves books."""
        return {str(depth): depth for depth in DEPTHS}

    def summary(self, listing: Listing[Any]) -> dict[str, Any]:
        """Return what the control port tells of a market in the list of all."""
        assert isinstance(listing, KrakenMarket)
        return {
            **super().summary(listing),
            "checksum": listing.checksum(),
            "updates": {str(depth): count for depth, count in listing.update_counts().items()},
        }

    def book(self, listing: Listing[Any], depth: int) -> dict[str, Any]:
        """Return what the control port tells of a book, with its checksum."""
        assert isinstance(listing, KrakenMarket)
        return {**super().book(listing, depth), "checksum": listing.checksum()}
