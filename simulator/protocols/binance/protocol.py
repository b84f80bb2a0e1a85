"""Binance as the server sees it."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from simulator.faults.kinds import (
    AnyFault,
    CorruptChecksum,
    CounterGap,
    Early,
    EnforcedLimits,
    Fault,
    FaultError,
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
from simulator.protocols.binance.listing import SPEEDS_MS, BinanceMarket, DepthFollower
from simulator.protocols.binance.pairs import BinancePairs
from simulator.protocols.binance.rest_api import BinanceRest
from simulator.protocols.binance.session import DepthStreams, parse_stream_request
from simulator.protocols.binance.weights import WEIGHT_A_MINUTE, WeightMeter
from simulator.protocols.meter import EventLimit
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.request_log import RequestSummary
from simulator.protocols.rest import RestAnswer, RestCall, json_answer
from simulator.protocols.synthetic_venue import SyntheticVenue
from simulator.protocols.venue import ClientLink


class SimulatedBinance(SyntheticVenue[DepthFollower, BinancePairs]):
    """Binance spot.

    Args:
        options: The markets.
        weights: The limit of the weight of REST requests.

    Raises:
        ValueError: A symbol is wrong.

    """

    name = "binance"
    pairs_type = BinancePairs
    path = "/ws"
    faults: ClassVar[frozenset[type[Fault]]] = (
        kinds_of(OfMarket) - {CorruptChecksum, Early}
        | kinds_of(OfEveryConnection)
        | kinds_of(OfRest)
        | {CounterGap, EnforcedLimits, VenueMaintenance, VenueRestart}
    )
    pair_states = frozenset({"online", "cancel_only", "maintenance", "delisted"})
    connect_limit = EventLimit(300, 300.0)
    ban_status = 418
    ping_seconds = 20.0
    pong_seconds = 60.0
    json_of_unknown_channel = '{"e":"gossip","E":0,"s":"NONE"}'

    def __init__(self, options: MarketOptions, weights: WeightMeter | None = None) -> None:
        super().__init__(options)
        weights = weights or WeightMeter(options.rest_weight or WEIGHT_A_MINUTE)
        self._rest = BinanceRest(self._exchange, self._pairs, weights)

    def listing_of(self, market: Market) -> Listing[DepthFollower]:
        """Return a new listing of a market."""
        self._pairs.add(market.profile.symbol)
        return BinanceMarket(market, self._pairs.name_of(market.profile.symbol))

    def open_session(self, link: ClientLink, number: int, path: str) -> DepthStreams:  # noqa: ARG002
        """Return the session of a new connection."""
        return DepthStreams(self._exchange, self._pairs, link, path, self.active_faults)

    async def run(self) -> None:
        """Serve all sessions until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._exchange.run())
            tasks.create_task(self._flush_on_time())

    def flush(self, speed: int) -> None:
        """Send the diffs of the interval that ends now.

        Args:
            speed: The interval in milliseconds: one of SPEEDS_MS.

        """
        for listing in self._exchange.listings():
            assert isinstance(listing, BinanceMarket)
            listing.flush(speed)

    def perform(self, fault: AnyFault) -> None:
        """Skip ids of a symbol, or keep the books for REST."""
        match fault:
            case CounterGap(symbol=None):
                raise FaultError("gap: symbol is missing: the counter of Binance is a symbol's")
            case CounterGap(symbol=str() as symbol, by=by):
                self._listing(symbol).skip_ids(by)
            case StaleRest(symbol=symbol):
                if symbol is not None:
                    self._listing(symbol)
                self._rest.freeze(symbol)

    def summarize(self, message: str | bytes) -> RequestSummary:
        """Return what the log keeps of a client's message."""
        request = parse_stream_request(message)
        if request is None:
            return RequestSummary()
        return RequestSummary(request.method, None, [str(each) for each in request.params])

    def answer(self, call: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request, or None if there is no such path."""
        return self._rest.answer(call, is_stale=self._is_stale)

    def failed(self, status: int, retry_after: float | None) -> RestAnswer:
        """Return the answer to a REST request that a fault refuses."""
        code = -1003 if status in {418, 429} else -1000
        until = round((time.time() + (retry_after or 0.0)) * 1000)
        text = {
            418: f"Way too much request weight used; IP banned until {until}.",
            429: "Too much request weight used.",
        }.get(status, "An unknown error occurred while processing the request.")
        headers = super().failed(status, retry_after).headers
        return json_answer({"code": code, "msg": text}, status, headers)

    def _is_stale(self, symbol: str) -> bool:
        faults = self.active_faults
        return bool(faults.get(StaleRest) or faults.get(StaleRest, symbol))

    def _listing(self, symbol: str) -> BinanceMarket:
        try:
            listing = self._exchange.listing(symbol)
        except KeyError:
            raise FaultError(f"symbol={symbol}: it is not listed") from None
        assert isinstance(listing, BinanceMarket)
        return listing

    async def _flush_on_time(self) -> None:
        shortest, longest = SPEEDS_MS
        started, ticks = time.monotonic(), 0
        while True:
            ticks += 1
            await asyncio.sleep(max(0.0, started + ticks * shortest / 1000 - time.monotonic()))
            self.flush(shortest)
            if ticks % (longest // shortest) == 0:
                self.flush(longest)
