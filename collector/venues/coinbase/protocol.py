"""The frames of one connection to Coinbase Advanced Trade.

`sequence_num` counts all frames of a connection from 0, those without data too. So if a number is
missing, a frame of any product may be lost, and the connection begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from collector.venues.sequenced.protocol import (
    BookMessage,
    Ended,
    Granted,
    Message,
    RequestRefused,
    TextLevels,
    UnknownMessage,
)
from collector.venues.session import SequenceGap

HEARTBEATS = '{"type":"subscribe","channel":"heartbeats"}'
# Coinbase's time of an update may be this, and the update is valid all the same.
_NO_TIME = "0001-01-01T"


class _Level(msgspec.Struct, gc=False):
    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class _BookEvent(msgspec.Struct, gc=False):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[_Level] = []


class _Subscribed(msgspec.Struct):
    subscriptions: dict[str, list[str]] = {}


class _Heartbeat(msgspec.Struct):
    heartbeat_counter: int | str


class _Frame(msgspec.Struct, gc=False):
    channel: str = ""
    sequence_num: int | None = None
    timestamp: str | None = None
    events: msgspec.Raw = msgspec.Raw(b"[]")
    type: str = ""
    message: str = ""
    reason: str = ""


_frame = msgspec.json.Decoder(_Frame)
_book_events = msgspec.json.Decoder(list[_BookEvent])
_subscribed = msgspec.json.Decoder(list[_Subscribed])
_heartbeats = msgspec.json.Decoder(list[_Heartbeat])
# A ValueError also for a counter that is no number.
_DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


class CoinbaseProtocol:
    """An implementation of `collector.venues.sequenced.protocol.SequencedProtocol`."""

    def __init__(self) -> None:
        self._next = 0
        self._next_heartbeat: int | None = None
        self._granted: set[str] = set()

    def open(self) -> Sequence[str]:
        """Return the request for heartbeats, which come once a second."""
        return [HEARTBEATS]

    def ping(self) -> str | None:
        """Return None: heartbeats come by themselves."""
        return None

    def subscribe(self, pairs: Sequence[str]) -> str:
        """Return the request for these books."""
        return _request("subscribe", pairs)

    def unsubscribe(self, pairs: Sequence[str]) -> str:
        """Return the request that ends these subscriptions."""
        return _request("unsubscribe", pairs)

    def decode(self, data: bytes) -> Sequence[Message]:
        """Return what a frame says, in order.

        Raises:
            SequenceGap: Frames were lost, or one cannot be decoded.
        """
        try:
            frame = _frame.decode(data)
            if frame.type == "error":
                return [_refusal(frame)]
            self._count(frame.sequence_num)
            return self._messages(frame)
        except _DECODE_ERRORS as error:
            raise SequenceGap(f"a frame cannot be decoded: {error}") from None

    def _count(self, number: int | None) -> None:
        if number != self._next:
            raise SequenceGap(f"frame {number} came, {self._next} was expected")
        self._next += 1

    def _messages(self, frame: _Frame) -> Sequence[Message]:
        match frame.channel:
            case "l2_data":
                return list(_book_messages(frame))
            case "heartbeats":
                for heartbeat in _heartbeats.decode(frame.events):
                    self._count_heartbeat(int(heartbeat.heartbeat_counter))
                return []
            case "subscriptions":
                return list(self._changed_subscriptions(frame))
            case other:
                return [UnknownMessage(f"channel {other}")]

    def _count_heartbeat(self, number: int) -> None:
        if self._next_heartbeat is not None and number != self._next_heartbeat:
            raise SequenceGap(f"heartbeat {number} came, {self._next_heartbeat} was expected")
        self._next_heartbeat = number + 1

    def _changed_subscriptions(self, frame: _Frame) -> Iterator[Message]:
        for each in _subscribed.decode(frame.events):
            granted = set(each.subscriptions.get("level2", ()))
            if new := granted - self._granted:
                yield Granted(tuple(sorted(new)))
            if ended := self._granted - granted:
                yield Ended(tuple(sorted(ended)))
            self._granted = granted


def _book_messages(frame: _Frame) -> Iterator[Message]:
    time = frame.timestamp
    if time is not None and time.startswith(_NO_TIME):
        time = None
    for event in _book_events.decode(frame.events):
        bids, asks = (_levels(event, side) for side in ("bid", "offer"))
        yield BookMessage(event.product_id, bids, asks, time, event.type == "snapshot")


def _levels(event: _BookEvent, side: str) -> TextLevels:
    return [(each.price_level, each.new_quantity) for each in event.updates if each.side == side]


def _refusal(frame: _Frame) -> RequestRefused:
    error = " ".join(filter(None, (frame.message, frame.reason)))
    return RequestRefused((), error, is_rate_limited="rate" in error.lower())


def _request(kind: str, pairs: Sequence[str]) -> str:
    members = {"type": kind, "product_ids": list(pairs), "channel": "level2"}
    return msgspec.json.encode(members).decode()
