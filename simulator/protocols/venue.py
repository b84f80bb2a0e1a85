"""The interface between the server and the protocol of a venue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import AnyFault, Fault, FaultError, PairState
from simulator.market.exchange import Exchange
from simulator.market.instrument import SimulatedInstrument
from simulator.market.listing import Listing
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.meter import EventLimit
from simulator.protocols.request_log import RequestSummary
from simulator.protocols.rest import RestAnswer, RestCall
from simulator.wire import decimal_text


class ClientLink(FeedSubscriber, Protocol):
    """The way to one client."""

    def end(self, code: int, reason: str) -> None:
        """Close the connection after all queued frames."""


class ServedSession(ABC):
    """One client's subscriptions, without I/O."""

    @abstractmethod
    def open(self) -> None:
        """Send the first frames of a connection."""

    @abstractmethod
    def receive(self, message: str | bytes) -> None:
        """Answer a message from the client."""

    @abstractmethod
    def close(self) -> None:
        """End all subscriptions."""

    @property
    @abstractmethod
    def is_idle(self) -> bool:
        """Whether the client has no subscription."""

    @abstractmethod
    def beat(self) -> None:
        """Do what is due each second, such as a heartbeat."""

    def perform(self, fault: AnyFault) -> None:  # noqa: B027 - most venues do nothing
        """Let a fault happen on this connection."""

    def send_status(self) -> None:  # noqa: B027 - most venues do nothing
        """Send the status of the system, if the venue has one."""

    def send_instrument(self, changed: SimulatedInstrument) -> None:  # noqa: B027 - most venues do nothing
        """Send a changed pair to a client that follows the instruments."""


class SimulatedVenue(ABC):
    """A venue as its clients see it.

    Attributes:
        active_faults: The faults of all connections.

    """

    name: ClassVar[str]
    path: ClassVar[str]
    """The path of the WebSocket in the URL that the simulator prints."""
    has_rest: ClassVar[bool] = True
    faults: ClassVar[frozenset[type[Fault]]]
    """The faults that the venue can have."""
    pair_states: ClassVar[frozenset[PairState]]
    """The states that a pair can have."""
    first_subscription_seconds: float | None = None
    """The time after which a connection without subscription is closed; None for never."""
    ping_seconds: ClassVar[float | None] = None
    """The interval of the server's pings; None for no pings."""
    pong_seconds: ClassVar[float | None] = None
    """The time for the answer to a ping."""
    connect_limit: ClassVar[EventLimit | None] = None
    """The limit of new connections, which the fault `limits` enforces."""
    ban_status: ClassVar[int] = 429
    """The HTTP status of REST for a banned address."""
    closes_in_maintenance: ClassVar[bool] = True
    """Whether maintenance closes and refuses all connections, instead of being announced."""
    json_of_unknown_channel: ClassVar[str] = '{"channel":"gossip","type":"update","data":[]}'

    def __init__(self) -> None:
        self.active_faults = ActiveFaults()

    @property
    @abstractmethod
    def exchange(self) -> Exchange[Any]:
        """The synthetic markets; FaultError if a recording is replayed."""

    @property
    def has_markets(self) -> bool:
        """Whether the markets are synthetic."""
        try:
            self.exchange  # noqa: B018 - the property raises
        except FaultError:
            return False
        return True

    @abstractmethod
    def open_session(self, link: ClientLink, number: int, path: str) -> ServedSession:
        """Return the session of a new connection.

        Args:
            link: The way to the client.
            number: The number of the connection since the start, from 1.
            path: The path and query of its handshake.

        """

    @abstractmethod
    async def run(self) -> None:
        """Serve all sessions until cancelled."""

    @abstractmethod
    def summarize(self, message: str | bytes) -> RequestSummary:
        """Return what the log keeps of a client's message."""

    def answer(self, request: RestCall) -> RestAnswer | None:  # noqa: ARG002 - none has no REST
        """Return the answer to a REST request, or None if the venue has no such path."""
        return None

    def failed(self, status: int, retry_after: float | None) -> RestAnswer:
        """Return the venue's answer to a REST request that a fault or a limit refuses.

        Args:
            status: The HTTP status.
            retry_after: The seconds to wait; None to leave them out.

        """
        headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
        return RestAnswer(status, b'{"error":"refused on request"}', headers)

    def perform(self, fault: AnyFault) -> None:  # noqa: B027 - most venues do nothing
        """Let a fault happen that is not of a single connection."""

    def symbol_of(self, text: str) -> str:
        """Return a pair as BASE/QUOTE for the venue's spelling, or for `venue:BASE/QUOTE`."""
        return text.removeprefix(f"{self.name}:")

    def summary(self, listing: Listing[Any]) -> dict[str, Any]:
        """Return what the control port tells of a market in the list of all."""
        return {
            "status": listing.instrument.status,
            "price_precision": listing.instrument.price_precision,
            "qty_precision": listing.instrument.qty_precision,
            "updates": listing.update_count(0),
        }

    def depths(self) -> Mapping[str, int] | None:
        """Return the depths at which the control port shows books; None for any."""
        return None

    def book(self, listing: Listing[Any], depth: int) -> dict[str, Any]:
        """Return what the control port tells of a book, with padded decimals."""
        instrument = listing.instrument

        def texts(levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
            return [
                (
                    decimal_text(price, instrument.price_precision),
                    decimal_text(lots, instrument.qty_precision),
                )
                for price, lots in levels
            ]

        return {
            "symbol": instrument.symbol,
            "depth": depth,
            "bids": texts(listing.market.bids.top(depth)),
            "asks": texts(listing.market.asks.top(depth)),
            "updates": listing.update_count(depth),
        }
