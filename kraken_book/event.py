"""The events of a stream, as JSON and as typed values.

An event has the same JSON in Redis, in SSE and in the client. The `render_…` functions write it,
joining texts that each level already contains. `decode_event` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from kraken_book.book import Book
from kraken_book.book_snapshot import BookSnapshot
from kraken_book.level import Best, Level, top_json
from kraken_book.position import Position

__all__ = [
    "Event",
    "Kind",
    "Lagged",
    "LaggedReason",
    "Snapshot",
    "Status",
    "StatusChange",
    "Update",
    "decode_event",
    "name_json",
    "render_lagged",
    "render_snapshot",
    "render_status",
    "render_update",
    "snapshot_event",
]

Kind = Literal["update", "snapshot", "status"]
Status = Literal["live", "syncing", "stale"]
LaggedReason = Literal["trimmed", "unknown", "slow", "redis"]


class _BookEvent(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    seq: int
    epoch: int
    best_bid: Best | None
    best_ask: Best | None
    spread: str | None
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    checksum: int | None
    exchange_time: str | None
    received_at: str | None


class Update(_BookEvent, frozen=True, kw_only=True, tag_field="kind", tag="update"):
    """The changed levels of one frame: apply them in order, then truncate to the depth."""


class Snapshot(_BookEvent, frozen=True, kw_only=True, tag_field="kind", tag="snapshot"):
    """The whole book, which replaces the reader's.

    `conflated` is the number of events that this snapshot replaces, None if it is unknown.
    `proof` is how the collector proved the book, None in snapshots of older collectors.
    """

    depth: int
    price_precision: int
    qty_precision: int
    source: str
    conflated: int | None
    proof: str | None = None


class StatusChange(msgspec.Struct, frozen=True, tag_field="kind", tag="status"):
    """A symbol became live, syncing or stale. Statuses from the api have no seq and no epoch."""

    symbol: str
    seq: int | None
    epoch: int | None
    status: Status
    reason: str | None
    at: str


class Lagged(msgspec.Struct, frozen=True, tag_field="kind", tag="lagged"):
    """The reader missed `missed` events, None if the number is unknown; a snapshot follows."""

    symbol: str
    missed: int | None
    reason: LaggedReason


Event = Update | Snapshot | StatusChange | Lagged

_pairs = msgspec.json.Decoder(list[tuple[str, str]])
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def decode_event(data: bytes | str) -> Event:
    """Return the event of a JSON text.

    Any other text raises `msgspec.DecodeError`.
    """
    return _decoder.decode(data)


def render_update(
    book: Book,
    seq: int,
    epoch: int,
    bids: Sequence[Level],
    asks: Sequence[Level],
    checksum: int,
    exchange_time: str | None,
    received_at: str,
) -> bytes:
    """Return the JSON of an update that `book` has applied and verified."""
    return (
        f'{{"symbol":{name_json(book.symbol)},"kind":"update","seq":{seq},"epoch":{epoch},'
        f'{book.top_json},"bids":[{_levels(bids)}],"asks":[{_levels(asks)}],'
        f'"checksum":{checksum},"exchange_time":{_quoted(exchange_time)},'
        f'"received_at":"{received_at}"}}'
    ).encode()


def render_snapshot(
    view: BookSnapshot,
    seq: int,
    epoch: int,
    received_at: str | None,
    conflated: int | None,
    *,
    is_cut: bool = False,
) -> bytes:
    """Return the JSON of a snapshot.

    Args:
        view: The book.
        seq: The event's seq.
        epoch: The event's epoch.
        received_at: When the collector received the book's last change, None if unknown.
        conflated: The number of events that the snapshot replaces, None if unknown.
        is_cut: Whether levels are missing. If so, the checksum is null, because it would not match
            the remaining levels.
    """
    return (
        f'{{"symbol":{name_json(view.symbol)},"kind":"snapshot","seq":{seq},"epoch":{epoch},'
        f"{top_json(view.best_bid, view.best_ask, view.spread)},"
        f'"bids":{view.bids},"asks":{view.asks},'
        f'"checksum":{"null" if is_cut else view.checksum},'
        f'"exchange_time":{_json(view.exchange_time)},'
        f'"received_at":{_json(received_at)},"depth":{view.depth},'
        f'"price_precision":{view.precision.price},"qty_precision":{view.precision.qty},'
        f'"source":{name_json(view.source)},"proof":{_json(view.proof)},'
        f'"conflated":{"null" if conflated is None else conflated}}}'
    ).encode()


def snapshot_event(view: BookSnapshot, position: Position) -> Snapshot:
    """Return the snapshot event of a book that was stored at `position`.

    A side that is not a JSON array of `["price","qty"]` raises `msgspec.DecodeError`.
    """
    return Snapshot(
        symbol=view.symbol,
        seq=position.seq,
        epoch=position.epoch,
        best_bid=view.best_bid,
        best_ask=view.best_ask,
        spread=view.spread,
        bids=_pairs.decode(view.bids),
        asks=_pairs.decode(view.asks),
        checksum=view.checksum,
        exchange_time=view.exchange_time,
        received_at=None,
        depth=view.depth,
        price_precision=view.precision.price,
        qty_precision=view.precision.qty,
        source=view.source,
        conflated=None,
        proof=view.proof,
    )


def render_status(change: StatusChange) -> bytes:
    """Return the JSON of a `status` event."""
    return msgspec.json.encode(
        {
            "symbol": change.symbol,
            "kind": "status",
            "seq": change.seq,
            "epoch": change.epoch,
            "status": change.status,
            "reason": change.reason,
            "at": change.at,
        }
    )


def render_lagged(lagged: Lagged) -> bytes:
    """Return the JSON of a `lagged` event."""
    return msgspec.json.encode(
        {
            "symbol": lagged.symbol,
            "kind": "lagged",
            "missed": lagged.missed,
            "reason": lagged.reason,
        }
    )


# There are few symbols, and fewer sources.
@lru_cache(maxsize=4096)
def name_json(name: str) -> str:
    """Return the name of a symbol or a source as JSON."""
    return msgspec.json.encode(name).decode()


def _json(text: str | None) -> str:
    # The api renders texts from Redis, which may contain any character.
    return msgspec.json.encode(text).decode()


def _quoted(text: str | None) -> str:
    # The collector's own times contain no character that JSON escapes.
    return "null" if text is None else f'"{text}"'


def _levels(levels: Sequence[Level]) -> str:
    # Most updates change one level of one side.
    return ",".join([level.json for level in levels]) if levels else ""
