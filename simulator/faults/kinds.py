"""Every kind of fault, declared with its parameters and a sentence that describes it.

`text` derives parsing, error texts, JSON and help from these declarations.
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
    "auction_mode",
    "cancel_only",
    "delisted",
    "limit_only",
    "maintenance",
    "post_only",
    "reduce_only",
    "view_only",
    "work_in_progress",
]
PAIR_STATES: tuple[PairState, ...] = get_args(PairState)
KRAKEN_PAIR_STATES = frozenset(PAIR_STATES) - {"auction_mode", "view_only"}


class FaultError(ValueError):
    """A fault that cannot be applied; the text gives the reason and a right value."""


class Fault(msgspec.Struct, frozen=True, tag_field="fault", forbid_unknown_fields=True):
    """The base of all faults."""


class SymbolFault(Fault, frozen=True):
    """The base of faults of one symbol."""

    symbol: Symbol


class CountedFault(SymbolFault, frozen=True):
    """The base of faults of one symbol that can happen several times in a row."""

    count: Count = 1


class LastingSymbolFault(SymbolFault, frozen=True):
    """The base of faults of one symbol that last for some seconds."""

    seconds: Seconds


class LastingFault(Fault, frozen=True):
    """The base of faults that last for some seconds."""

    seconds: Seconds


class DelayFault(Fault, frozen=True):
    """The base of faults that delay messages, and last for some seconds."""

    delay: Seconds
    seconds: Seconds


class CorruptChecksum(CountedFault, frozen=True, tag="corrupt"):
    """The next updates of the symbol carry a wrong checksum; its book stays right."""


class Swallow(CountedFault, frozen=True, tag="swallow"):
    """The next updates of the symbol are not sent."""


class Repeat(CountedFault, frozen=True, tag="repeat"):
    """The next updates of the symbol are sent twice."""


class Reorder(SymbolFault, frozen=True, tag="reorder"):
    """The next two updates of the symbol are sent in the wrong order."""


class Crossed(SymbolFault, frozen=True, tag="crossed"):
    """The next update makes the client's book crossed, with the checksum of the crossed book."""


class ExtraDecimal(SymbolFault, frozen=True, tag="level"):
    """The next update has a price with one decimal more than the precision."""


class CutText(SymbolFault, frozen=True, tag="cut"):
    """The next update is cut off in the middle of its text."""


class Early(SymbolFault, frozen=True, tag="early"):
    """The next subscription of the symbol gets an update between its ack and its snapshot."""


class AckOnly(CountedFault, frozen=True, tag="ack_only"):
    """The next subscriptions of the symbol are acknowledged, and nothing follows."""


class Mute(LastingFault, frozen=True, tag="mute"):
    """The symbol's updates are lost; without a symbol, everything to all clients is lost."""

    symbol: Symbol | None = None


class Silence(LastingSymbolFault, frozen=True, tag="silence"):
    """The symbol's market stops."""


class Refuse(LastingSymbolFault, frozen=True, tag="refuse"):
    """Subscriptions to the symbol are refused as if the pair did not exist."""


class ChangePrecision(SymbolFault, frozen=True, tag="precision"):
    """The pair's precisions change, which an instrument update announces."""

    price: Decimals
    qty: Decimals


class PairStatus(SymbolFault, frozen=True, tag="pair_status"):
    """The pair's status changes, which an instrument update announces; a delisted pair is gone."""

    status: PairState


class ListPair(SymbolFault, frozen=True, tag="list"):
    """A new pair is listed, which an instrument update announces."""


class Close(Fault, frozen=True, tag="close"):
    """Every connection is closed with a close frame."""

    code: CloseCode = 1001

    def __post_init__(self) -> None:
        try:
            CloseFrame(self.code, "").check()
        except ProtocolError:
            raise ValueError(f"code={self.code}: it takes {_CLOSE_CODE}") from None


class Drop(Fault, frozen=True, tag="drop"):
    """Every TCP connection is aborted."""


class AcceptAndClose(LastingFault, frozen=True, tag="accept_and_close"):
    """Connections are accepted and closed at once, with 1001."""


class RefuseConnections(LastingFault, frozen=True, tag="refuse_connections"):
    """The WebSocket handshake is answered with an HTTP error."""

    status: HttpStatus = 503


class AnswerLate(DelayFault, frozen=True, tag="answer_late"):
    """Requests are answered late, and take effect only then."""


class AnswerNever(LastingFault, frozen=True, tag="answer_never"):
    """Requests, or only those of one method, get no answer and have no effect."""

    method: Method | None = None


class RateLimit(LastingFault, frozen=True, tag="rate_limit"):
    """Every request is answered with "Exceeded msg rate" and has no effect."""


class Garbage(Fault, frozen=True, tag="garbage"):
    """Every client gets one frame that is not JSON, random bytes, or of an unknown channel."""

    kind: Literal["text", "binary", "json"]


class Big(Fault, frozen=True, tag="big"):
    """Every client gets one text frame of this size: JSON of an unknown channel."""

    size: Bytes = msgspec.field(default=10_000_000, name="bytes")


class LateFrames(DelayFault, frozen=True, tag="lag"):
    """Frames are sent late, in their order; frames that are queued at the end are still sent."""


class Status(Fault, frozen=True, tag="status"):
    """The system's status changes; open connections and, until `online`, new ones receive it."""

    system: System


class CounterGap(Fault, frozen=True, tag="gap"):
    """The venue's counter skips numbers, as if frames were lost; of a symbol, or of connections."""

    symbol: Symbol | None = None
    by: Count = 1


class StaleRest(LastingFault, frozen=True, tag="stale_rest"):
    """REST serves the books as they are now, or only the symbol's."""

    symbol: Symbol | None = None


class SlowRest(DelayFault, frozen=True, tag="slow_rest"):
    """REST requests are answered late."""


class RestError(LastingFault, frozen=True, tag="rest_error"):
    """REST requests are answered with an HTTP error."""

    status: HttpStatus = 500


class RestTooMany(LastingFault, frozen=True, tag="rest_limit"):
    """REST requests are answered with 429 and `Retry-After`."""


class AddressBan(LastingFault, frozen=True, tag="ban"):
    """The client's address is banned: REST and handshakes are refused, with `Retry-After`."""


class EnforcedLimits(LastingFault, frozen=True, tag="limits"):
    """The venue's limits of connections and messages are enforced."""


class VenueMaintenance(LastingFault, frozen=True, tag="maintenance"):
    """The venue is in maintenance."""


class VenueRestart(Fault, frozen=True, tag="restart"):
    """The venue announces a restart, and closes every connection `delay` seconds later."""

    delay: Seconds = 1.0


OfUpdate: TypeAlias = (
    CorruptChecksum | Swallow | Repeat | Reorder | Crossed | ExtraDecimal | CutText
)
"""Faults of a market's next updates."""
OfSubscription: TypeAlias = Early | AckOnly
"""Faults of a market's next subscriptions."""
OfRest: TypeAlias = StaleRest | SlowRest | RestError | RestTooMany | AddressBan
"""Faults of REST."""
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
    | OfRest
    | EnforcedLimits
    | VenueMaintenance
)
"""Faults that end after their seconds."""
OfMarket: TypeAlias = (
    OfUpdate | OfSubscription | Mute | Silence | Refuse | ChangePrecision | PairStatus | ListPair
)
"""Faults of a synthetic market; a mute only if it names a symbol."""
OfEveryConnection: TypeAlias = (
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
)
"""Faults of all connections at any venue; a mute only if it names no symbol."""
OfVenue: TypeAlias = Status | CounterGap | EnforcedLimits | VenueMaintenance | VenueRestart
"""Faults that only some venues have."""
OfKraken: TypeAlias = OfMarket | OfEveryConnection | Status
"""The faults that Kraken can have."""
AnyFault: TypeAlias = OfMarket | OfEveryConnection | OfVenue | OfRest


def kinds_of(union: object) -> frozenset[type[Fault]]:
    """Return the kinds in a union."""
    return frozenset(get_args(union))


FAULTS: tuple[type[AnyFault], ...] = get_args(AnyFault)
"""Every kind of fault, in the order of the help."""
