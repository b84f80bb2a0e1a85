"""One client of Bitfinex, without I/O: its flags, its channels and the number of its messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import (
    AnswerNever,
    AnyFault,
    CounterGap,
    OfUpdate,
    RateLimit,
    VenueMaintenance,
    VenueRestart,
)
from simulator.market.exchange import Exchange
from simulator.protocols.bitfinex.channel import BookChannel
from simulator.protocols.bitfinex.listing import BookFollower
from simulator.protocols.bitfinex.pairs import BitfinexPairs
from simulator.protocols.delivery import FrameDelivery
from simulator.protocols.venue import ClientLink, ServedSession

TIMESTAMP, SEQ_ALL, OB_CHECKSUM = 32768, 65536, 131072
MAX_CHANNELS = 25
LENGTHS = ("1", "25", "100", "250")

_UNKNOWN_EVENT = 10000
_SUBSCRIPTION_FAILED = 10300
_ALREADY_SUBSCRIBED = 10301
_UNKNOWN_CHANNEL = 10302
_TOO_MANY_CHANNELS = 10305
_NOT_SUBSCRIBED = 10401
_RATE_LIMIT = 11010


class ChannelRequest(msgspec.Struct, frozen=True):
    """A request of a client; a length may be a number too."""

    event: str
    channel: str = ""
    symbol: str = ""
    prec: str = "P0"
    freq: str = "F0"
    len: str | int = "25"
    chanId: int | None = None  # noqa: N815 - Bitfinex's name
    flags: int = 0
    cid: int | None = None
    subId: str | int | None = None  # noqa: N815 - Bitfinex's name


_decoder = msgspec.json.Decoder(ChannelRequest)


def parse_channel_request(message: str | bytes) -> ChannelRequest | None:
    """Return the request in a message, or None if it is malformed."""
    try:
        return _decoder.decode(message)
    except msgspec.MsgspecError:
        return None


class ChannelSession(ServedSession):
    """The channels of one client.

    Args:
        exchange: The markets.
        pairs: The pairs.
        link: The way to the client.
        active_faults: The faults of all connections.
        first_channel: The number of the first channel; that of each further one is greater.
        heartbeat_seconds: The seconds after which a quiet channel sends `hb`.

    """

    def __init__(
        self,
        exchange: Exchange[BookFollower],
        pairs: BitfinexPairs,
        link: ClientLink,
        active_faults: ActiveFaults,
        first_channel: int,
        heartbeat_seconds: int,
    ) -> None:
        self._exchange = exchange
        self._pairs = pairs
        self._active_faults = active_faults
        self._delivery = FrameDelivery(link)
        self._next_channel = first_channel
        self._heartbeat_seconds = heartbeat_seconds
        self._flags = 0
        self._last_number = 0
        self._channels: dict[int, BookChannel] = {}
        self._in_maintenance = False

    @property
    def wants_checksums(self) -> bool:
        """Whether the client has asked for checksums."""
        return bool(self._flags & OB_CHECKSUM)

    def open(self) -> None:
        """Send the version and the status of the platform."""
        self._in_maintenance = self._active_faults.get(VenueMaintenance) is not None
        self._send_event(
            {
                "event": "info",
                "version": 2,
                "serverId": "5f5e1000-0000-4000-8000-000000000000",
                "platform": {"status": 0 if self._in_maintenance else 1},
            }
        )

    @property
    def is_idle(self) -> bool:
        """Whether the client has no channel."""
        return not self._channels

    def close(self) -> None:
        """End all channels."""
        for channel in self._channels.values():
            self._exchange.unsubscribe(channel.symbol, channel)
        self._channels.clear()

    def beat(self) -> None:
        """Send the heartbeats that are due, and the end of a maintenance."""
        if self._in_maintenance and self._active_faults.get(VenueMaintenance) is None:
            self._in_maintenance = False
            self._inform(
                20061, "Maintenance ended. Please unsubscribe and subscribe all channels again."
            )
        for channel in self._channels.values():
            channel.seconds_quiet += 1
            if channel.seconds_quiet >= self._heartbeat_seconds:
                channel.send_heartbeat()

    def perform(self, fault: AnyFault) -> None:
        """Skip numbers, or announce a restart or a maintenance."""
        match fault:
            case CounterGap(by=by):
                self._last_number += by
            case VenueRestart():
                self._inform(20051, "Stopping. Please try to reconnect")
            case VenueMaintenance() if not self._in_maintenance:
                self._in_maintenance = True
                self._inform(20060, "Entering in Maintenance mode. Please pause any activity.")

    def send_message(self, head: str, fault: OfUpdate | None = None) -> None:
        """Send a message with its number and time, or do with it what the fault says.

        During a maintenance only heartbeats are sent, so the books of the client become wrong.
        """
        if self._in_maintenance and not head.endswith('"hb"'):
            return
        if self._flags & SEQ_ALL:
            self._last_number += 1
            head += f",{self._last_number}"
        if self._flags & TIMESTAMP:
            head += f",{time.time_ns() // 10**6}"
        self._delivery.send(f"[{head}]", fault)

    def receive(self, message: str | bytes) -> None:
        """Answer a message from the client."""
        faults = self._active_faults
        request = parse_channel_request(message)
        if faults.get(AnswerNever) or (request and faults.get(AnswerNever, request.event)):
            return
        answer = self._answers().get(request.event) if request else None
        if faults.get(RateLimit):
            self._send_event({"event": "error", "msg": "ERR_RATE_LIMIT", "code": _RATE_LIMIT})
        elif request is None or answer is None:
            self._send_event({"event": "error", "msg": "event: invalid", "code": _UNKNOWN_EVENT})
        else:
            answer(request)

    def _answers(self) -> dict[str, Callable[[ChannelRequest], None]]:
        return {
            "conf": self._configure,
            "ping": self._ping,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }

    def _configure(self, request: ChannelRequest) -> None:
        self._flags = request.flags
        self._send_event({"event": "conf", "status": "OK", "flags": request.flags})

    def _ping(self, request: ChannelRequest) -> None:
        self._send_event({"event": "pong", "ts": time.time_ns() // 10**6, "cid": request.cid})

    def _subscribe(self, request: ChannelRequest) -> None:
        asked = {
            "channel": request.channel,
            "symbol": request.symbol,
            "prec": request.prec,
            "freq": request.freq,
            "len": str(request.len),
        }
        if refusal := self._refusal(request, tuple(asked.values())):
            text, code = refusal
            pair = request.symbol.removeprefix("t")
            self._send_event({**asked, "event": "error", "msg": text, "code": code, "pair": pair})
            return
        symbol = self._pairs.parsed(request.symbol)
        number, self._next_channel = self._next_channel, self._next_channel + 3
        channel = BookChannel(
            self,
            number,
            symbol,
            int(request.len),
            tuple(asked.values()),
        )
        self._channels[number] = channel
        answer: dict[str, Any] = {
            "event": "subscribed",
            "channel": "book",
            "chanId": number,
            "symbol": request.symbol,
            "prec": request.prec,
            "freq": request.freq,
            "len": str(request.len),
        }
        if request.subId is not None:
            answer["subId"] = request.subId
        self._send_event({**answer, "pair": request.symbol.removeprefix("t")})
        self._exchange.subscribe(symbol, channel.length, channel, snapshot=True)

    def _refusal(self, request: ChannelRequest, key: tuple[str, ...]) -> tuple[str, int] | None:
        """Return the text and code that refuse a subscription, or None."""
        if request.channel != "book":
            return "channel: unknown", _UNKNOWN_CHANNEL
        for name, value, allowed in (
            ("prec", request.prec, ("P0",)),
            ("freq", request.freq, ("F0",)),
            ("len", str(request.len), LENGTHS),
        ):
            if value not in allowed:
                return f"{name}: invalid", _SUBSCRIPTION_FAILED
        symbol = self._pairs.parsed(request.symbol)
        is_book = request.symbol == f"t{self._pairs.name_of(symbol)}"
        if not is_book or not self._exchange.lists(symbol):
            return "symbol: invalid", _SUBSCRIPTION_FAILED
        if any(channel.key == key for channel in self._channels.values()):
            return "subscribe: dup", _ALREADY_SUBSCRIBED
        if len(self._channels) >= MAX_CHANNELS:
            return "subscribe: limit", _TOO_MANY_CHANNELS
        return None

    def _unsubscribe(self, request: ChannelRequest) -> None:
        channel = self._channels.pop(request.chanId or 0, None)
        if channel is None:
            self._send_event(
                {
                    "event": "error",
                    "msg": "unsubscribe: invalid",
                    "code": _NOT_SUBSCRIBED,
                    "chanId": request.chanId,
                }
            )
            return
        self._exchange.unsubscribe(channel.symbol, channel)
        self._send_event({"event": "unsubscribed", "status": "OK", "chanId": channel.number})

    def _inform(self, code: int, text: str) -> None:
        self._send_event({"event": "info", "code": code, "msg": text})

    def _send_event(self, content: dict[str, Any]) -> None:
        # Events are not numbered.
        self._delivery.send(msgspec.json.encode(content).decode())
