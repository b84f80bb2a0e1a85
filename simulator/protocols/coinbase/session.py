"""One client of Coinbase, without I/O: its subscriptions, and the number of each of its frames.

The texts of errors are invented in the form of Coinbase's.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import (
    AnswerNever,
    AnyFault,
    CounterGap,
    EnforcedLimits,
    OfUpdate,
    RateLimit,
)
from simulator.market.exchange import Exchange
from simulator.protocols.coinbase import frames
from simulator.protocols.coinbase.listing import Level2Follower
from simulator.protocols.coinbase.pairs import CoinbasePairs
from simulator.protocols.delivery import FrameDelivery
from simulator.protocols.meter import EventLimit, EventMeter
from simulator.protocols.venue import ClientLink, ServedSession

MESSAGE_LIMIT = EventLimit(8, 1.0)
_CHANNELS = ("level2", "heartbeats")


class Level2Request(msgspec.Struct, frozen=True):
    """A request of a client."""

    type: str
    channel: str = ""
    product_ids: list[str] = []


_decoder = msgspec.json.Decoder(Level2Request)


def parse_level2_request(message: str | bytes) -> Level2Request | None:
    """Return the request in a message, or None if it is malformed."""
    try:
        return _decoder.decode(message)
    except msgspec.MsgspecError:
        return None


class Level2Session(ServedSession):
    """The subscriptions of one client, and the counter of its frames.

    Args:
        exchange: The markets.
        pairs: The products.
        link: The way to the client.
        active_faults: The faults of all connections.

    """

    def __init__(
        self,
        exchange: Exchange[Level2Follower],
        pairs: CoinbasePairs,
        link: ClientLink,
        active_faults: ActiveFaults,
    ) -> None:
        self._exchange = exchange
        self._pairs = pairs
        self._link = link
        self._active_faults = active_faults
        self._delivery = FrameDelivery(link)
        self._messages = EventMeter(MESSAGE_LIMIT)
        self._next_number = 0
        self._products: dict[str, str] = {}
        """The symbols of the subscribed products."""
        self._has_heartbeats = False
        self._heartbeats = 0
        self._awaited: set[str] | None = None
        """The products whose snapshot must precede the acknowledgement; None if none is owed."""

    def open(self) -> None:
        """Send nothing: Coinbase waits for a subscription."""

    @property
    def is_idle(self) -> bool:
        """Whether the client has no subscription."""
        return not self._products and not self._has_heartbeats

    def close(self) -> None:
        """End all subscriptions."""
        for symbol in self._products.values():
            self._exchange.unsubscribe(symbol, self)
        self._products.clear()
        self._has_heartbeats = False

    def beat(self) -> None:
        """Send a heartbeat to its followers, and an acknowledgement that still waits."""
        if self._awaited is not None:
            self._acknowledge()
        if self._has_heartbeats:
            self._send("heartbeats", frames.heartbeat_event(self._heartbeats))
            self._heartbeats += 1

    def perform(self, fault: AnyFault) -> None:
        """Skip numbers."""
        if isinstance(fault, CounterGap):
            self._next_number += fault.by

    def send_book_event(self, product_id: str, event: str, fault: OfUpdate | None = None) -> None:
        """Send an event with the next number, or do with it what the fault says."""
        # As recorded, the acknowledgement comes after the first frames.
        if self._awaited is not None and product_id not in self._awaited:
            self._acknowledge()
        self._send("l2_data", event, fault)
        if self._awaited and event.startswith('{"type":"snapshot"'):
            self._awaited.discard(product_id)

    def receive(self, message: str | bytes) -> None:
        """Answer a message from the client."""
        faults = self._active_faults
        if faults.get(RateLimit) or (faults.get(EnforcedLimits) and not self._messages.admits()):
            self._refuse("rate limit exceeded")
            return
        request = parse_level2_request(message)
        if faults.get(AnswerNever) or (request and faults.get(AnswerNever, request.type)):
            return
        if request is None or request.type not in {"subscribe", "unsubscribe"}:
            self._refuse("malformed message")
        elif request.channel not in _CHANNELS:
            self._refuse("invalid channel", f"{request.channel} is not a public channel")
        elif request.type == "subscribe":
            self._subscribe(request)
        else:
            self._unsubscribe(request)

    def _subscribe(self, request: Level2Request) -> None:
        if request.channel == "heartbeats":
            self._has_heartbeats = True
            self._send_subscriptions()
            return
        symbols = {name: self._pairs.parsed(name) for name in request.product_ids}
        unknown = [name for name, symbol in symbols.items() if not self._exchange.lists(symbol)]
        for name in unknown:
            self._refuse("failed to subscribe", f"{name} is not a valid product")
        new = {
            self._pairs.name_of(symbol): symbol
            for name, symbol in symbols.items()
            if name not in unknown and self._pairs.name_of(symbol) not in self._products
        }
        self._products |= new
        for symbol in new.values():
            self._exchange.subscribe(symbol, 0, self, snapshot=True)
        if new:
            self._awaited = (self._awaited or set()) | set(new)
        elif not unknown:
            self._acknowledge()

    def _unsubscribe(self, request: Level2Request) -> None:
        if request.channel == "heartbeats":
            self._has_heartbeats = False
        for name in request.product_ids if request.channel == "level2" else ():
            symbol = self._products.pop(self._pairs.name_of(self._pairs.parsed(name)), None)
            if symbol is not None:
                self._exchange.unsubscribe(symbol, self)
        self._acknowledge()

    def _acknowledge(self) -> None:
        self._awaited = None
        self._send_subscriptions()

    def _send_subscriptions(self) -> None:
        self._send("subscriptions", frames.subscriptions_event(self._subscriptions()))

    def _subscriptions(self) -> Mapping[str, list[str]]:
        level2 = {"level2": list(self._products)} if self._products else {}
        return level2 | ({"heartbeats": ["heartbeats"]} if self._has_heartbeats else {})

    def _send(self, channel: str, event: str, fault: OfUpdate | None = None) -> None:
        text = frames.numbered(channel, self._next_number, event)
        self._next_number += 1
        self._delivery.send(text, fault)

    def _refuse(self, message: str, reason: str | None = None) -> None:
        self._delivery.send(frames.error(message, reason))
