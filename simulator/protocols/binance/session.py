"""One client of Binance, without I/O: its requests and its streams.

The texts of errors are invented in the form of Binance's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import AnswerNever, AnyFault, OfUpdate, RateLimit, VenueRestart
from simulator.market.exchange import Exchange
from simulator.protocols.binance import frames
from simulator.protocols.binance.listing import DepthDiff, DepthFollower
from simulator.protocols.binance.pairs import BinancePairs
from simulator.protocols.delivery import FrameDelivery
from simulator.protocols.meter import EventLimit, EventMeter
from simulator.protocols.venue import ClientLink, ServedSession

MESSAGE_LIMIT = EventLimit(5, 1.0)
MAX_STREAMS = 1024
_SPEEDS = {"depth": 1000, "depth@100ms": 100, "depth@1000ms": 1000}
_INVALID = 2
_TOO_MANY = -1003
_POLICY = 1008


class BinanceStreamRequest(msgspec.Struct, frozen=True):
    """A request of a client; a number or a text may be its id."""

    method: str
    params: list[Any] = []
    id: int | str | None = None


_decoder = msgspec.json.Decoder(BinanceStreamRequest)


def parse_stream_request(message: str | bytes) -> BinanceStreamRequest | None:
    """Return the request in a message, or None if it is malformed."""
    try:
        return _decoder.decode(message)
    except msgspec.MsgspecError:
        return None


class DepthStreams(ServedSession):
    """The streams of one client.

    Args:
        exchange: The markets.
        pairs: The symbols.
        link: The way to the client.
        path: The path and query of its handshake, which may name streams.
        active_faults: The faults of all connections.

    """

    def __init__(
        self,
        exchange: Exchange[DepthFollower],
        pairs: BinancePairs,
        link: ClientLink,
        path: str,
        active_faults: ActiveFaults,
    ) -> None:
        self._exchange = exchange
        self._pairs = pairs
        self._active_faults = active_faults
        self._link = link
        self._answers = FrameDelivery(link)
        self._messages = EventMeter(MESSAGE_LIMIT)
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        self.is_combined = parts.path.startswith("/stream")
        self.unit_ns = (
            1_000 if query.get("timeUnit") in (["MICROSECOND"], ["microsecond"]) else 10**6
        )
        self._named = (
            "/".join(query.get("streams", []))
            if self.is_combined
            else unquote(parts.path).removeprefix("/ws").removeprefix("/")
        )
        self._streams: dict[str, _DepthStream] = {}

    def open(self) -> None:
        """Follow the streams that the URL names."""
        self._subscribe(filter(None, self._named.split("/")))

    @property
    def is_idle(self) -> bool:
        """Whether the client has no stream."""
        return not self._streams

    def beat(self) -> None:
        """Do nothing: Binance has no heartbeats but pings of the protocol."""

    def close(self) -> None:
        """End all streams."""
        self._unsubscribe(list(self._streams))

    def perform(self, fault: AnyFault) -> None:
        """Announce a restart."""
        if isinstance(fault, VenueRestart):
            self._answers.send(frames.shutdown(time.time_ns() // self.unit_ns))

    def receive(self, message: str | bytes) -> None:
        """Answer a message from the client, or disconnect one that sends too many."""
        if not self._messages.admits():
            self._link.end(_POLICY, "Too many requests")
            return
        request = parse_stream_request(message)
        faults = self._active_faults
        if faults.get(AnswerNever) or (request and faults.get(AnswerNever, request.method.lower())):
            return
        if request is None:
            self._answers.send(frames.error(_INVALID, "Invalid request: malformed", None))
        elif faults.get(RateLimit):
            self._answers.send(frames.error(_TOO_MANY, "Too many requests", request.id))
        else:
            self._answer(request)

    def _answer(self, request: BinanceStreamRequest) -> None:
        content: object = None
        match request.method:
            case "SUBSCRIBE" if _are_names(request.params):
                if len(set(self._streams) | set(request.params)) > MAX_STREAMS:
                    self._refuse(request, f"more than {MAX_STREAMS} streams")
                    return
                self._subscribe(request.params)
            case "UNSUBSCRIBE" if _are_names(request.params):
                self._unsubscribe(request.params)
            case "LIST_SUBSCRIPTIONS":
                content = list(self._streams)
            case "SET_PROPERTY" if _is_combined_property(request.params):
                self.is_combined = request.params[1]
            case "GET_PROPERTY" if request.params == ["combined"]:
                content = self.is_combined
            case _:
                self._refuse(request, f"unknown or malformed `{request.method}`")
                return
        self._answers.send(frames.result(content, request.id))

    def _refuse(self, request: BinanceStreamRequest, text: str) -> None:
        self._answers.send(frames.error(_INVALID, f"Invalid request: {text}", request.id))

    def _subscribe(self, names: Iterable[str]) -> None:
        """Follow streams; as at Binance, a stream of an unknown symbol is accepted and silent."""
        for name in names:
            if name in self._streams:
                continue
            stream = self._streams[name] = _DepthStream(self, self._link, name)
            symbol, speed = self._market_of(name)
            if speed is not None and self._exchange.lists(symbol):
                self._exchange.subscribe(symbol, speed, stream, snapshot=False)

    def _unsubscribe(self, names: Iterable[str]) -> None:
        for name in names:
            stream = self._streams.pop(name, None)
            if stream is not None:
                self._exchange.unsubscribe(self._market_of(name)[0], stream)

    def _market_of(self, name: str) -> tuple[str, int | None]:
        """Return the symbol of a stream and its interval; None for other streams than diffs."""
        lower, _, kind = name.partition("@")
        # Names in capitals are accepted, and nothing comes.
        known = lower == lower.lower()
        return self._pairs.parsed(lower), _SPEEDS.get(kind) if known else None


class _DepthStream:
    """One stream of a connection, with frames that a fault may reorder."""

    def __init__(self, session: DepthStreams, link: ClientLink, name: str) -> None:
        self._session = session
        self._delivery = FrameDelivery(link)
        self._name = name

    def send_diff(self, diff: DepthDiff, fault: OfUpdate | None) -> None:
        """Send a diff, or do with it what the fault says."""
        now = time.time_ns() // self._session.unit_ns
        text = frames.diff_text(diff.name, now, diff.first_id, diff.last_id, diff.bids, diff.asks)
        if self._session.is_combined:
            text = frames.combined(self._name, text)
        self._delivery.send(text, fault)


def _are_names(params: list[Any]) -> bool:
    return bool(params) and all(isinstance(each, str) for each in params)


def _is_combined_property(params: list[Any]) -> bool:
    return len(params) == 2 and params[0] == "combined" and isinstance(params[1], bool)
