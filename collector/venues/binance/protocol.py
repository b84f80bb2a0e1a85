"""The frames of one connection to Binance spot.

Each change has the numbers of the first and last update in it, `U` and `u`, which count the updates
of its pair. So a lost frame is noticed at the next frame of its pair, and affects no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from collector.venues.sequenced.book.numbers import time_text
from collector.venues.sequenced.protocol import (
    BookMessage,
    Ended,
    Granted,
    Message,
    MessageError,
    RequestRefused,
    UnknownMessage,
)
from collector.venues.session import VenueRestarts

_STREAM = "@depth@100ms"
# Binance writes times in milliseconds; in a stream with `timeUnit=MICROSECOND`, in microseconds.
_LEAST_MICROSECONDS = 10**14
_PAIR = re.compile(rb'"s"\s*:\s*"([^"]+)"')
# "Too many requests" and "Too many messages".
_RATE_CODES = (-1003, -1008)
MAX_REMEMBERED = 1000


class _Error(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Frame(msgspec.Struct, gc=False):
    """A change, an answer, or another event."""

    e: str = ""
    E: int = 0
    s: str = ""
    U: int = 0
    u: int = 0
    b: list[tuple[str, str]] = []
    a: list[tuple[str, str]] = []
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None
    code: int = 0
    msg: str = ""
    # A combined stream has the frame in here.
    data: msgspec.Raw = msgspec.Raw()


_frame = msgspec.json.Decoder(_Frame)
_DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


class BinanceProtocol:
    """An implementation of `collector.venues.sequenced.protocol.SequencedProtocol`."""

    def __init__(self) -> None:
        self._last_id = 0
        # The requests without an answer: whether they subscribe, and the pairs.
        self._sent: dict[int, tuple[bool, tuple[str, ...]]] = {}

    def open(self) -> Sequence[str]:
        """Return nothing: a connection begins without a request."""
        return []

    def ping(self) -> str | None:
        """Return a request whose answer is a frame. Binance's own pings are none."""
        return self._request("LIST_SUBSCRIPTIONS", None, is_subscription=False)

    def subscribe(self, pairs: Sequence[str]) -> str:
        """Return the request for these books."""
        return self._request("SUBSCRIBE", pairs, is_subscription=True)

    def unsubscribe(self, pairs: Sequence[str]) -> str:
        """Return the request that ends these subscriptions."""
        return self._request("UNSUBSCRIBE", pairs, is_subscription=False)

    def decode(self, data: bytes) -> Sequence[Message]:
        """Return what a frame says.

        Raises:
            MessageError: It cannot be decoded; only the pair that it names may be harmed.
        """
        try:
            frame = _frame.decode(data)
            if frame.data:
                frame = _frame.decode(frame.data)
        except _DECODE_ERRORS as error:
            named = [name.decode(errors="replace") for name in _PAIR.findall(data)]
            raise MessageError(str(error), named) from None
        if frame.e == "depthUpdate":
            return [_change(frame)]
        return self._other(frame)

    def _other(self, frame: _Frame) -> Sequence[Message]:
        if frame.e == "serverShutdown":
            raise VenueRestarts("the server shuts down soon")
        if frame.e:
            return [UnknownMessage(f"event {frame.e}")]
        is_subscription, pairs = self._sent.pop(frame.id or 0, (False, ()))
        error = frame.error or (_Error(frame.code, frame.msg) if frame.msg else None)
        if error is not None:
            text = f"{error.code}: {error.msg}"
            return [RequestRefused(pairs, text, is_rate_limited=error.code in _RATE_CODES)]
        if frame.id is None:
            return [UnknownMessage("frame without event or id")]
        if not pairs:
            return []
        return [Granted(pairs) if is_subscription else Ended(pairs)]

    def _request(self, method: str, pairs: Sequence[str] | None, *, is_subscription: bool) -> str:
        self._last_id += 1
        members: dict[str, object] = {"method": method, "id": self._last_id}
        if pairs is not None:
            members["params"] = [f"{pair.lower()}{_STREAM}" for pair in pairs]
            self._sent[self._last_id] = is_subscription, tuple(pairs)
            if len(self._sent) > MAX_REMEMBERED:
                del self._sent[next(iter(self._sent))]
        return msgspec.json.encode(members).decode()


def _change(frame: _Frame) -> BookMessage:
    if not 0 < frame.U <= frame.u:
        raise MessageError(f"numbers {frame.U} to {frame.u}", [frame.s])
    nanoseconds = frame.E * (1000 if frame.E >= _LEAST_MICROSECONDS else 1_000_000)
    time = time_text(nanoseconds)
    return BookMessage(frame.s, frame.b, frame.a, time, first=frame.U, last=frame.u)
