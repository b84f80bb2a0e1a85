"""Coinbase as the server sees it."""

from __future__ import annotations

from typing import ClassVar

from simulator.faults.kinds import (
    PAIR_STATES,
    AddressBan,
    CorruptChecksum,
    CounterGap,
    EnforcedLimits,
    Fault,
    OfEveryConnection,
    OfMarket,
    RestError,
    RestTooMany,
    SlowRest,
    VenueMaintenance,
    kinds_of,
)
from simulator.market.listing import Listing
from simulator.market.market import Market
from simulator.protocols.coinbase.listing import CoinbaseMarket, Level2Follower
from simulator.protocols.coinbase.pairs import CoinbasePairs
from simulator.protocols.coinbase.products import answer_market_request
from simulator.protocols.coinbase.session import Level2Session, parse_level2_request
from simulator.protocols.meter import EventLimit
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.request_log import RequestSummary
from simulator.protocols.rest import RestAnswer, RestCall, json_answer
from simulator.protocols.synthetic_venue import SyntheticVenue
from simulator.protocols.venue import ClientLink


class SimulatedCoinbase(SyntheticVenue[Level2Follower, CoinbasePairs]):
    """Coinbase Advanced Trade.

    Args:
        options: The markets.
        first_subscription_seconds: The time after which a connection without subscription ends.

    Raises:
        ValueError: A symbol is wrong.

    """

    name = "coinbase"
    pairs_type = CoinbasePairs
    path = ""
    faults: ClassVar[frozenset[type[Fault]]] = (
        kinds_of(OfMarket) - {CorruptChecksum}
        | kinds_of(OfEveryConnection)
        | {
            CounterGap,
            SlowRest,
            RestError,
            RestTooMany,
            AddressBan,
            EnforcedLimits,
            VenueMaintenance,
        }
    )
    pair_states = frozenset(PAIR_STATES) - {"reduce_only", "work_in_progress"}
    connect_limit = EventLimit(8, 1.0)
    json_of_unknown_channel = '{"channel":"gossip","events":[]}'

    def __init__(self, options: MarketOptions, *, first_subscription_seconds: float = 5.0) -> None:
        super().__init__(options)
        self.first_subscription_seconds = first_subscription_seconds

    def listing_of(self, market: Market) -> Listing[Level2Follower]:
        """Return a new listing of a market."""
        return CoinbaseMarket(market, self._pairs.name_of(market.profile.symbol))

    def open_session(self, link: ClientLink, number: int, path: str) -> Level2Session:  # noqa: ARG002
        """Return the session of a new connection."""
        return Level2Session(self._exchange, self._pairs, link, self.active_faults)

    def summarize(self, message: str | bytes) -> RequestSummary:
        """Return what the log keeps of a client's message."""
        request = parse_level2_request(message)
        if request is None:
            return RequestSummary()
        return RequestSummary(request.type, request.channel or None, request.product_ids)

    def answer(self, request: RestCall) -> RestAnswer | None:
        """Return the answer to a REST request, or None if there is no such path."""
        return answer_market_request(request, self._exchange, self._pairs)

    def failed(self, status: int, retry_after: float | None) -> RestAnswer:
        """Return the answer to a REST request that a fault or a limit refuses."""
        text = "too many requests" if status == 429 else "internal error"
        return json_answer(
            {"error": "RESOURCE_EXHAUSTED" if status == 429 else "INTERNAL", "message": text},
            status,
            super().failed(status, retry_after).headers,
        )
