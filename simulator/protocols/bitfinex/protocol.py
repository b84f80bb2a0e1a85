"""Bitfinex as the server sees it."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from simulator.faults.kinds import (
    CounterGap,
    EnforcedLimits,
    Fault,
    OfEveryConnection,
    OfMarket,
    OfRest,
    StaleRest,
    VenueMaintenance,
    VenueRestart,
    kinds_of,
)
from simulator.market.listing import Listing
from simulator.market.market import Market
from simulator.protocols.bitfinex.listing import BitfinexMarket, BookFollower
from simulator.protocols.bitfinex.pairs import BitfinexPairs
from simulator.protocols.bitfinex.rest_api import answer_public_request
from simulator.protocols.bitfinex.rounded_book import RoundedBook
from simulator.protocols.bitfinex.session import ChannelSession, parse_channel_request
from simulator.protocols.meter import EventLimit
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.request_log import RequestSummary
from simulator.protocols.rest import RestAnswer, RestCall, json_answer
from simulator.protocols.synthetic_venue import SyntheticVenue
from simulator.protocols.venue import ClientLink
from simulator.wire import decimal_text

_HEARTBEAT_SECONDS = 15
_PROOF_SECONDS = 0.5
"""The interval of checksums of windows that have changed."""


class SimulatedBitfinex(SyntheticVenue[BookFollower, BitfinexPairs]):
    """Bitfinex v2.

    Args:
        options: The markets.

    Raises:
        ValueError: A symbol is wrong.

    """

    name = "bitfinex"
    pairs_type = BitfinexPairs
    path = "/ws/2"
    faults: ClassVar[frozenset[type[Fault]]] = (
        kinds_of(OfMarket)
        | kinds_of(OfEveryConnection)
        | kinds_of(OfRest) - {StaleRest}
        | kinds_of(CounterGap | EnforcedLimits | VenueMaintenance | VenueRestart)
    )
    pair_states = frozenset({"online", "delisted"})
    connect_limit = EventLimit(20, 60.0)
    closes_in_maintenance = False
    json_of_unknown_channel = '[7,["gossip"],0]'

    def __init__(self, options: MarketOptions) -> None:
        super().__init__(options)
        self._heartbeat_seconds = options.heartbeat_seconds or _HEARTBEAT_SECONDS

    def listing_of(self, market: Market) -> Listing[BookFollower]:
        """Return a new listing of a market."""
        return BitfinexMarket(market)

    def open_session(self, link: ClientLink, number: int, path: str) -> ChannelSession:  # noqa: ARG002
        """Return the session of a new connection, whose channels have numbers of their own."""
        return ChannelSession(
            self._exchange,
            self._pairs,
            link,
            self.active_faults,
            200_000 + 1_000 * number,
            self._heartbeat_seconds,
        )

    async def run(self) -> None:
        """Serve all sessions until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._exchange.run())
            tasks.create_task(self._prove_on_time())

    def summarize(self, message: str | bytes) -> RequestSummary:
        """Return what the log keeps of a client's message."""
        request = parse_channel_request(message)
        if request is None:
            return RequestSummary()
        symbols = [request.symbol] if request.symbol else []
        return RequestSummary(request.event, request.channel or None, symbols)

    def answer(self, call: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request, or None if there is no such path."""
        in_maintenance = self.active_faults.get(VenueMaintenance) is not None
        return answer_public_request(
            call, self._exchange, self._pairs, in_maintenance=in_maintenance
        )

    def failed(self, status: int, retry_after: float | None) -> RestAnswer:
        """Return the answer to a REST request that a fault refuses."""
        headers = super().failed(status, retry_after).headers
        if status == 429:
            return json_answer({"error": "ERR_RATE_LIMIT"}, status, headers)
        return json_answer(["error", 10000, "internal error"], status, headers)

    def book(self, listing: Listing[Any], depth: int) -> dict[str, Any]:
        """Return what the control port tells of a book; amounts have eight decimals or more."""
        instrument, rounded = listing.instrument, RoundedBook.of(listing.market, depth)
        decimals = max(8, instrument.qty_precision)
        factor = 10 ** (decimals - instrument.qty_precision)

        def texts(levels: dict[int, Any]) -> list[tuple[str, str]]:
            return [
                (
                    decimal_text(level.price, instrument.price_precision),
                    decimal_text(abs(level.amount) * factor, decimals),
                )
                for level in levels.values()
            ]

        return {
            **super().book(listing, depth),
            "bids": texts(rounded.bids),
            "asks": texts(rounded.asks),
            "checksum": rounded.checksum(instrument),
        }

    async def _prove_on_time(self) -> None:
        while True:
            await asyncio.sleep(_PROOF_SECONDS)
            for listing in self._exchange.listings():
                assert isinstance(listing, BitfinexMarket)
                listing.prove()
