"""The frames of one connection to Bitfinex.

With the flag `SEQ_ALL`, all frames of channels are numbered for the connection, `hb` too. With
`OB_CHECKSUM`, a frame `cs` after some changes has the checksum of a book as of then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from collector.venues.bitfinex.checksum import WireBook
from collector.venues.sequenced.book.numbers import time_text
from collector.venues.sequenced.protocol import (
    BookDoubted,
    BookMessage,
    Ended,
    Granted,
    Message,
    RequestRefused,
    SystemStatus,
    UnknownMessage,
)
from collector.venues.session import SequenceGap, VenueRestarts

# https://docs.bitfinex.com/docs/ws-general#configuration
TIMESTAMP, SEQ_ALL, OB_CHECKSUM = 32768, 65536, 131072
RESTART, MAINTENANCE_BEGINS, MAINTENANCE_ENDS = 20051, 20060, 20061
_RATE_LIMITED = 11010
_HEARTBEAT, _CHECKSUM = '"hb"', '"cs"'


class _Platform(msgspec.Struct):
    status: int = 1


class _Event(msgspec.Struct):
    event: str
    channel: str = ""
    chanId: int = 0  # noqa: N815 - Bitfinex's name
    symbol: str = ""
    code: int | None = None
    msg: str = ""
    status: str = ""
    platform: _Platform | None = None


_event = msgspec.json.Decoder(_Event)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_Entry = tuple[msgspec.Raw, int, msgspec.Raw]
_entry = msgspec.json.Decoder(_Entry)
_entries = msgspec.json.Decoder(list[_Entry])
_integer = msgspec.json.Decoder(int)
# A ValueError also for a number that is none.
_DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError, IndexError)
# More levels of a side than any subscription has.
MAX_LEVELS = 1000


class BitfinexProtocol:
    """An implementation of `collector.venues.sequenced.protocol.SequencedProtocol`.

    Args:
        levels: Levels of each side that are subscribed to: 25, 100 or 250.
    """

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._last: int | None = None
        self._last_ping = 0
        self._pairs: dict[int, str] = {}
        self._channels: dict[str, int] = {}
        self._wire: dict[int, WireBook] = {}

    def open(self) -> Sequence[str]:
        """Return the request for numbers, times and checksums."""
        flags = TIMESTAMP | SEQ_ALL | OB_CHECKSUM
        return [f'{{"event":"conf","flags":{flags}}}']

    def ping(self) -> str | None:
        """Return a request whose answer is a frame; a channel's own heartbeat takes 15 s."""
        self._last_ping += 1
        return f'{{"event":"ping","cid":{self._last_ping}}}'

    def subscribe(self, pairs: Sequence[str]) -> str:
        """Return the request for the book of one pair."""
        (pair,) = pairs
        members = {
            "event": "subscribe",
            "channel": "book",
            "symbol": pair,
            "prec": "P0",
            "freq": "F0",
            "len": str(self._levels),
        }
        return msgspec.json.encode(members).decode()

    def unsubscribe(self, pairs: Sequence[str]) -> str:
        """Return the request that ends the subscription of one pair."""
        (pair,) = pairs
        return f'{{"event":"unsubscribe","chanId":{self._channels.get(pair, 0)}}}'

    def decode(self, data: bytes) -> Sequence[Message]:
        """Return what a frame says. A VenueRestarts is raised if the connection is to end.

        Raises:
            SequenceGap: Frames were lost, or one cannot be decoded.
        """
        try:
            if data.lstrip()[:1] == b"[":
                return list(self._of_channel(_array.decode(data)))
            return list(self._of_event(_event.decode(data)))
        except _DECODE_ERRORS as error:
            raise SequenceGap(f"a frame cannot be decoded: {error}") from None

    # Channels

    def _of_channel(self, parts: list[msgspec.Raw]) -> Iterator[Message]:
        """Yield what `[channel, content, number, time]` or `[channel, "cs", value, …]` says."""
        channel, content = _integer.decode(parts[0]), _text(parts[1])
        # Words other than `hb` have a value behind them.
        has_value = content.startswith('"') and content != _HEARTBEAT
        self._count(_integer.decode(parts[2 + has_value]))
        pair = self._pairs.get(channel)
        if pair is None or content == _HEARTBEAT:
            return
        if content == _CHECKSUM:
            yield from self._checked(channel, pair, _integer.decode(parts[2]))
        elif not has_value:
            times = parts[3:4]
            time = time_text(_integer.decode(times[0]) * 1_000_000) if times else None
            yield self._book_message(channel, pair, parts[1], time)

    def _count(self, number: int) -> None:
        if self._last is not None and number != self._last + 1:
            raise SequenceGap(f"frame {number} came, {self._last + 1} was expected")
        self._last = number

    def _checked(self, channel: int, pair: str, sent: int) -> Iterator[Message]:
        wire = self._wire.get(channel)
        if wire is None:
            return
        if (computed := wire.checksum()) != sent:
            yield BookDoubted(pair, "checksum", f"{sent} was sent, the book has {computed}")

    def _book_message(
        self, channel: int, pair: str, content: msgspec.Raw, time: str | None
    ) -> BookMessage:
        is_snapshot = bytes(content).replace(b" ", b"")[:2] in (b"[[", b"[]")
        entries = _entries.decode(content) if is_snapshot else [_entry.decode(content)]
        if is_snapshot:
            self._wire[channel] = WireBook()
        wire = self._wire.setdefault(channel, WireBook())
        bids: list[tuple[str, str]] = []
        asks: list[tuple[str, str]] = []
        for raw_price, count, raw_amount in entries:
            price, amount = _text(raw_price), _text(raw_amount)
            is_bid = not amount.startswith("-")
            if count:
                wire.set(price, amount, is_bid=is_bid)
            else:
                wire.remove(price, is_bid=is_bid)
            qty = amount.removeprefix("-") if count else "0"
            (bids if is_bid else asks).append((price, qty))
        if len(wire) > 2 * MAX_LEVELS:
            raise SequenceGap(f"the book of {pair} has more levels than were subscribed to")
        return BookMessage(pair, bids, asks, time, is_snapshot)

    # Events

    def _of_event(self, event: _Event) -> Iterator[Message]:
        match event.event:
            case "info":
                yield from _of_info(event)
            case "subscribed" if event.channel == "book":
                self._pairs[event.chanId] = event.symbol
                self._channels[event.symbol] = event.chanId
                yield Granted((event.symbol,))
            case "unsubscribed":
                pair = self._pairs.pop(event.chanId, None)
                self._wire.pop(event.chanId, None)
                if pair is not None:
                    del self._channels[pair]
                    yield Ended((pair,))
            case "error":
                pair = event.symbol or self._pairs.get(event.chanId, "")
                pairs = (pair,) if pair else ()
                text = f"{event.code}: {event.msg}"
                yield RequestRefused(pairs, text, is_rate_limited=event.code == _RATE_LIMITED)
            case "conf" if event.status != "OK":
                raise SequenceGap("the venue does not number its frames")
            case "pong" | "conf" | "subscribed":
                return
            case other:
                yield UnknownMessage(f"event {other}")


def _of_info(event: _Event) -> Iterator[Message]:
    if event.code in (RESTART, MAINTENANCE_ENDS):
        raise VenueRestarts(f"{event.code}: {event.msg}")
    if event.code == MAINTENANCE_BEGINS:
        yield SystemStatus("maintenance")
    elif event.platform is not None:
        yield SystemStatus("online" if event.platform.status else "maintenance")


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode().strip()
