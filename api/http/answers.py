"""The JSON bodies of the answers, as the types that encode them.

The specification at /openapi.json is made from these types, so it cannot differ from the answers.
Events of streams are in `kraken_book.event`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.store.feed_reports import ReportedConnection, ReportedLeader
from kraken_book.contract.symbol_state import SymbolStatus
from kraken_book.event import Snapshot, Status, StatusChange, Update
from kraken_book.level import Best
from kraken_book.quote import OrderSide

Levels = list[tuple[str, str]]


class BookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A book, with its position and its age."""

    symbol: str
    status: Status
    source: str
    proof: str | None
    depth: int
    price_precision: int
    qty_precision: int
    epoch: int
    seq: int
    event_id: str
    checksum: int
    exchange_time: str | None
    confirmed_at: str | None
    age_ms: int | None
    best_bid: Best | None
    best_ask: Best | None
    spread: str | None
    bids: Levels
    asks: Levels


class BookSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A configured book in short.

    All members after `proof` are null if the venue refuses the symbol or if there is no book.
    """

    symbol: str
    status: SymbolStatus | Literal["stale"]
    reason: str | None
    source: str
    proof: str | None
    age_ms: int | None
    best_bid: Best | None
    best_ask: Best | None
    spread: str | None
    seq: int | None
    epoch: int | None


class VenueBook(BookSummary, frozen=True, kw_only=True):
    """The book of a pair at one venue, in short."""

    venue: str


class BestLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The best level of a side over several venues."""

    venue: str
    symbol: str
    price: str
    qty: str


class BestOfVenues(msgspec.Struct, frozen=True, kw_only=True):
    """The best bid and the best ask over the venues whose book is live."""

    bid: BestLevel | None
    ask: BestLevel | None
    spread: str | None
    is_crossed: bool


class BestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The best prices of a pair over all venues, and its book at each venue in short."""

    pair: str
    best: BestOfVenues
    venues: list[VenueBook]


class TicketAnswer(msgspec.Struct, frozen=True):
    """A ticket for one stream, and the seconds for which it is valid."""

    ticket: str
    expires_in: int


class QuoteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a market order would have paid or received, with the book that it was calculated from.

    `unfilled` is the rest, for which the book has no levels. `average` and `worst` are null if
    nothing is filled.
    """

    symbol: str
    status: Status
    source: str
    epoch: int
    seq: int
    event_id: str
    exchange_time: str | None
    confirmed_at: str | None
    age_ms: int | None
    side: OrderSide
    qty: str
    filled: str
    unfilled: str
    total: str
    average: str | None
    worst: str | None
    levels: int


class StoredEvent(msgspec.Struct, frozen=True):
    """An event of a stream, with its id and the time in the id."""

    id: str
    time: str
    event: Update | Snapshot | StatusChange


class EventsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the events that a stream still holds, oldest first."""

    symbol: str
    first_id: str | None
    last_id: str | None
    is_trimmed: bool
    next: str | None
    events: list[StoredEvent]


class Health(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: Literal["ok"]
    version: str
    contract: str


class Readiness(msgspec.Struct, frozen=True):
    """Redis can be read, and the replica is not stopping."""

    status: Literal["ready"]


class ReportedCollector(msgspec.Struct, frozen=True, kw_only=True):
    """What the leading collector of a shard said about itself.

    `status` is `silent` if it has not reported for some seconds. Then the rest is the last report.
    """

    shard: str
    status: Literal["reporting", "silent"]
    age_ms: int
    version: str | None
    contract: str
    leader: ReportedLeader
    epoch: int | None
    redis_status: str
    books: dict[str, int]
    mismatches: int
    resyncs: int
    connections: list[ReportedConnection]


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The collectors of a venue; `reason` tells why their reports cannot be read."""

    venue: str
    reason: str | None
    malformed: int
    collectors: list[ReportedCollector]


class RedisStatus(msgspec.Struct, frozen=True):
    """Whether Redis answers this replica; `reason` is that of problems, null if it does."""

    status: Literal["ok", "away"]
    reason: str | None
    nodes: int


class ReplicaStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The replica that answers. Its name is random, and changes with each start."""

    name: str
    version: str
    uptime_s: int
    is_draining: bool
    streams: int


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the service, as far as one replica knows it."""

    replica: ReplicaStatus
    redis: RedisStatus
    feeds: list[FeedStatus]


class ProblemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An error (RFC 9457). The code in `type` decides about the members after `instance`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    parameter: str | UnsetType = UNSET
    symbols: list[str] | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET
    limit: str | UnsetType = UNSET
    allowed: int | UnsetType = UNSET
    key: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    book: BookAnswer | UnsetType | None = UNSET
