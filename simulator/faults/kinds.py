"""Every kind of fault, declared once with its parameters and a sentence.

Parsing, error texts, JSON and help follow from these declarations; see `text`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta
from websockets.exceptions import ProtocolError
from websockets.frames import Close as CloseFrame

_CLOSE_CODE = "a code that may be sent, such as 1001, or 3000 to 4999"

Symbol = Annotated[str, Meta(min_length=1, description="a pair, such as BTC/USD")]
Count = Annotated[int, Meta(ge=1, le=1_000_000, description="a number of them, 1 or more")]
Seconds = Annotated[float, Meta(gt=0, le=86_400, description="seconds, more than 0, a day at most")]
Decimals = Annotated[int, Meta(ge=0, le=15, description="a number of decimals, 0 to 15")]
CloseCode = Annotated[int, Meta(description=_CLOSE_CODE)]
HttpStatus = Annotated[int, Meta(ge=400, le=599, description="an HTTP status, 400 to 599")]
Bytes = Annotated[int, Meta(ge=100, le=50_000_000, description="bytes, 100 to 50000000")]
Method = Literal["subscribe", "unsubscribe"]
System = Literal["online", "cancel_only", "maintenance", "post_only"]
PairState = Literal[
    "online",
    "cancel_only",
    "delisted",
    "limit_only",
    "maintenance",
    "post_only",
    "reduce_only",
    "work_in_progress",
]


class FaultError(ValueError):
    """A fault that cannot be done; the text says why, and what would work."""


class Fault(msgspec.Struct, frozen=True, tag_field="fault", forbid_unknown_fields=True):
    """A fault that can be requested."""


class CorruptChecksum(Fault, frozen=True, tag="corrupt"):
    """The next updates of the symbol carry a wrong checksum; its book stays right."""

    symbol: Symbol
    count: Count = 1


class Swallow(Fault, frozen=True, tag="swallow"):
    """The next updates of the symbol are not sent."""

    symbol: Symbol
    count: Count = 1


class Repeat(Fault, frozen=True, tag="repeat"):
    """The next updates of the symbol are sent twice."""

    symbol: Symbol
    count: Count = 1


class Reorder(Fault, frozen=True, tag="reorder"):
    """The next two updates of the symbol are sent in the wrong order."""

    symbol: Symbol


class Crossed(Fault, frozen=True, tag="crossed"):
    """The next update leaves the client a crossed book, with the checksum of that very book."""

    symbol: Symbol


class ExtraDecimal(Fault, frozen=True, tag="level"):
    """The next update has a level whose price has one decimal more than the precision."""

    symbol: Symbol


class CutText(Fault, frozen=True, tag="cut"):
    """The next update's text ends in its middle."""

    symbol: Symbol


class Early(Fault, frozen=True, tag="early"):
    """The next subscription of the symbol gets an update between its ack and its snapshot."""

    symbol: Symbol


class AckOnly(Fault, frozen=True, tag="ack_only"):
    """The next subscriptions of the symbol are acknowledged, and nothing follows."""

    symbol: Symbol
    count: Count = 1


class Mute(Fault, frozen=True, tag="mute"):
    """The symbol's updates are lost; without a symbol, all that would be sent to anybody."""

    seconds: Seconds
    symbol: Symbol | None = None


class Silence(Fault, frozen=True, tag="silence"):
    """The symbol's market stands still."""

    symbol: Symbol
    seconds: Seconds


class Refuse(Fault, frozen=True, tag="refuse"):
    """Subscribing to the symbol is refused as if there were no such pair."""

    symbol: Symbol
    seconds: Seconds


class ChangePrecision(Fault, frozen=True, tag="precision"):
    """The pair's precisions change, and an instrument update says so."""

    symbol: Symbol
    price: Decimals
    qty: Decimals


class PairStatus(Fault, frozen=True, tag="pair_status"):
    """The pair's status changes, and an instrument update says so; a delisted pair is gone."""

    symbol: Symbol
    status: PairState


class ListPair(Fault, frozen=True, tag="list"):
    """A new pair appears, and an instrument update says so."""

    symbol: Symbol


class Close(Fault, frozen=True, tag="close"):
    """Every connection is closed with a close frame."""

    code: CloseCode = 1001

    def __post_init__(self) -> None:
        try:
            CloseFrame(self.code, "").check()
        except ProtocolError:
            raise ValueError(f"code={self.code}: it takes {_CLOSE_CODE}") from None


class Drop(Fault, frozen=True, tag="drop"):
    """Every connection's TCP connection is aborted."""


class AcceptAndClose(Fault, frozen=True, tag="accept_and_close"):
    """Connections are accepted and closed at once, with 1001."""

    seconds: Seconds


class RefuseConnections(Fault, frozen=True, tag="refuse_connections"):
    """The WebSocket handshake is answered with an HTTP error."""

    seconds: Seconds
    status: HttpStatus = 503


class AnswerLate(Fault, frozen=True, tag="answer_late"):
    """Requests are answered late, and take effect only then."""

    delay: Seconds
    seconds: Seconds


class AnswerNever(Fault, frozen=True, tag="answer_never"):
    """Requests, or those of one method, get no answer and have no effect."""

    seconds: Seconds
    method: Method | None = None


class RateLimit(Fault, frozen=True, tag="rate_limit"):
    """Every request is answered with "Exceeded msg rate" and has no effect."""

    seconds: Seconds


class Garbage(Fault, frozen=True, tag="garbage"):
    """Every connection gets one senseless frame: no JSON, random bytes, or an unknown channel."""

    kind: Literal["text", "binary", "json"]


class Big(Fault, frozen=True, tag="big"):
    """Every connection gets one text frame of so many bytes: JSON of an unknown channel."""

    size: Bytes = msgspec.field(default=10_000_000, name="bytes")


class LateFrames(Fault, frozen=True, tag="lag"):
    """Frames go out late, in their order; what is queued in the end still goes out."""

    delay: Seconds
    seconds: Seconds


class Status(Fault, frozen=True, tag="status"):
    """The system's status changes: every connection is told, and each new one until `online`."""

    system: System


OfUpdate: TypeAlias = (
    CorruptChecksum | Swallow | Repeat | Reorder | Crossed | ExtraDecimal | CutText
)
"""Faults of a market's next updates."""
OfSubscription: TypeAlias = Early | AckOnly
"""Faults of a market's next subscriptions."""
Lasting: TypeAlias = (
    Mute
    | Silence
    | Refuse
    | AcceptAndClose
    | RefuseConnections
    | AnswerLate
    | AnswerNever
    | RateLimit
    | LateFrames
)
"""Faults that end after their seconds."""
OfMarket: TypeAlias = (
    OfUpdate | OfSubscription | Mute | Silence | Refuse | ChangePrecision | PairStatus | ListPair
)
"""Faults of a synthetic market; a mute only if it names a symbol."""
OfConnections: TypeAlias = (
    Mute
    | Close
    | Drop
    | AcceptAndClose
    | RefuseConnections
    | AnswerLate
    | AnswerNever
    | RateLimit
    | Garbage
    | Big
    | LateFrames
    | Status
)
"""Faults of all connections; a mute only if it names no symbol."""
AnyFault: TypeAlias = OfMarket | OfConnections
FAULTS: tuple[type[AnyFault], ...] = get_args(AnyFault)
"""Every kind, in the order of the help."""
