"""Convert events to rows of a book file, and rows to events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from kraken_book.event import Event, Lagged, Snapshot, StatusChange, Update
from kraken_book.precision import Precision, at_precision, to_text, units_of
from kraken_book.recording.recorded import CONTINUED, RecordedEvent
from kraken_book.recording.schema import LEVEL_COLUMNS, SCHEMA
from kraken_book.timestamps import parse_rfc3339, rfc3339

__all__ = ["INT64_MAX", "EventAssembler", "RowBuffer", "floats_of"]

INT64_MAX = 2**63 - 1
_EVENT_COLUMNS = tuple(name for name in SCHEMA.names if name not in LEVEL_COLUMNS)
_BID, _ASK = "bid", "ask"


class RowBuffer:
    """Collects events, and returns them as rows.

    Quantities that do not fit into int64 are written as text; `text_quantities` counts them.
    """

    def __init__(self) -> None:
        self.text_quantities = 0
        self._clear()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._sides)

    @property
    def events(self) -> int:
        """The number of events."""
        return len(self._events)

    def add(self, recorded: RecordedEvent, precision: Precision | None) -> None:
        """Append an event.

        Args:
            recorded: The event.
            precision: Decimals of the book's prices and quantities; None if it has no book.

        Raises:
            ValueError: A price or a quantity is not a number at this precision, or a price does not
                fit into int64.
        """
        event = recorded.event
        before = len(self._sides)
        index = len(self._events)
        if isinstance(event, Update | Snapshot):
            if precision is None:
                raise ValueError(f"{event.symbol}: levels without a precision")
            try:
                self._add_levels(_BID, event.bids, precision)
                self._add_levels(_ASK, event.asks, precision)
            except ValueError:
                self._truncate(before)
                raise
        if len(self._sides) == before:
            self._add_level(None, None, None, None)
        self._events.append(_values_of(recorded, precision))
        rows = len(self._sides) - before
        self._indices.extend(repeat(index, rows))
        self._lasts.extend(repeat(False, rows - 1))
        self._lasts.append(True)

    def take(self) -> pa.RecordBatch:
        """Return all rows, and forget them."""
        columns = dict(zip(_EVENT_COLUMNS, zip(*self._events, strict=True), strict=False))
        indices = pa.array(self._indices, pa.int32())
        arrays = {
            name: pa.array(columns.get(name, ()), SCHEMA.field(name).type).take(indices)
            for name in _EVENT_COLUMNS
        }
        ticks, lots = pa.array(self._ticks, pa.int64()), pa.array(self._lots, pa.int64())
        arrays |= {
            "side": pa.array(self._sides, SCHEMA.field("side").type),
            "price": floats_of(ticks, arrays["price_precision"]),
            "qty": floats_of(lots, arrays["qty_precision"]),
            "price_ticks": ticks,
            "qty_lots": lots,
            "qty_text": pa.array(self._qty_texts, pa.string()),
            "last": pa.array(self._lasts, pa.bool_()),
        }
        if any(text is not None for text in self._qty_texts):
            texts = [None if text is None else float(text) for text in self._qty_texts]
            arrays["qty"] = pc.coalesce(arrays["qty"], pa.array(texts, pa.float64()))
        self._clear()
        return pa.RecordBatch.from_arrays([arrays[name] for name in SCHEMA.names], schema=SCHEMA)

    def _clear(self) -> None:
        self._events: list[tuple[Any, ...]] = []
        self._indices: list[int] = []
        self._sides: list[str | None] = []
        self._ticks: list[int | None] = []
        self._lots: list[int | None] = []
        self._qty_texts: list[str | None] = []
        self._lasts: list[bool] = []

    def _add_levels(
        self, side: str, levels: Iterable[tuple[str, str]], precision: Precision
    ) -> None:
        for price, qty in levels:
            ticks = units_of(at_precision(price, precision.price))
            qty_text = at_precision(qty, precision.qty)
            lots = units_of(qty_text)
            if ticks > INT64_MAX:
                raise ValueError(f"the price {price} is too large for a book file")
            if lots > INT64_MAX:
                self.text_quantities += 1
                self._add_level(side, ticks, None, qty_text)
            else:
                self._add_level(side, ticks, lots, None)

    def _add_level(
        self, side: str | None, ticks: int | None, lots: int | None, qty_text: str | None
    ) -> None:
        self._sides.append(side)
        self._ticks.append(ticks)
        self._lots.append(lots)
        self._qty_texts.append(qty_text)

    def _truncate(self, rows: int) -> None:
        for column in (self._sides, self._ticks, self._lots, self._qty_texts):
            del column[rows:]


class EventAssembler:
    """Rebuilds events from the rows of one book file.

    Args:
        source: The source for snapshots.
        depth: The depth for snapshots.
    """

    def __init__(self, source: str, depth: int) -> None:
        self._source = source
        self._depth = depth
        # Levels of an event whose last row has not been read.
        self._bids: list[tuple[str, str]] = []
        self._asks: list[tuple[str, str]] = []

    @property
    def is_whole(self) -> bool:
        """Whether no event is incomplete."""
        return not self._bids and not self._asks

    def feed(self, batch: pa.RecordBatch) -> Iterator[RecordedEvent]:
        """Yield the events that the rows of `batch` complete.

        A row that no recorder writes raises ValueError.

        Yields:
            Each event.
        """
        for row in zip(*(_column(batch, name) for name in _Row._fields), strict=True):
            side, is_last = row[_SIDE], row[_LAST]
            if side is not None:
                (self._bids if side == _BID else self._asks).append(_pair_of(row))
            if is_last:
                yield self._event_of(_Row._make(row))
                self._bids, self._asks = [], []

    def _event_of(self, row: _Row) -> RecordedEvent:
        return RecordedEvent(
            event=self._make_event(row),
            recorded_at=row.recorded_at,
            is_verified=row.verified,
            is_continued=row.kind == "snapshot" and row.reason == CONTINUED,
        )

    def _make_event(self, row: _Row) -> Event:
        if row.kind == "lagged":
            return Lagged(row.symbol, row.missed, row.reason)
        if row.kind == "status":
            at = _time_text(row.received_at) or ""
            return StatusChange(row.symbol, row.seq, row.epoch, row.status, row.reason, at)
        levels = {
            "symbol": row.symbol,
            "seq": row.seq,
            "epoch": row.epoch,
            "best_bid": None,
            "best_ask": None,
            "spread": None,
            "bids": self._bids,
            "asks": self._asks,
            "checksum": row.checksum,
            "exchange_time": _time_text(row.exchange_time),
            "received_at": _time_text(row.received_at),
        }
        if row.kind == "update":
            return Update(**levels)
        if row.kind == "snapshot":
            return Snapshot(
                **levels,
                depth=self._depth,
                price_precision=row.price_precision,
                qty_precision=row.qty_precision,
                source=self._source,
                conflated=row.conflated,
            )
        raise ValueError(f"{row.kind!r} is no kind of an event")


class _Row(NamedTuple):
    """The values of a row that are read; the floats repeat the integers."""

    side: Any
    last: bool
    price_ticks: Any
    qty_lots: Any
    qty_text: Any
    price_precision: Any
    qty_precision: Any
    symbol: str
    kind: str
    epoch: Any
    seq: Any
    exchange_time: Any
    received_at: Any
    recorded_at: int
    checksum: Any
    verified: bool
    status: Any
    reason: Any
    conflated: Any
    missed: Any


_SIDE, _LAST = _Row._fields.index("side"), _Row._fields.index("last")
_LEVEL = slice(_Row._fields.index("price_ticks"), _Row._fields.index("qty_precision") + 1)


def _values_of(recorded: RecordedEvent, precision: Precision | None) -> tuple[Any, ...]:
    """Return the values of an event in the order of `_EVENT_COLUMNS`."""
    event = recorded.event
    status = reason = conflated = missed = checksum = exchange_time = None
    epoch = seq = None
    received_at: int | None = None
    if isinstance(event, Update | Snapshot):
        kind = "snapshot" if isinstance(event, Snapshot) else "update"
        epoch, seq, checksum = event.epoch, event.seq, event.checksum
        exchange_time, received_at = _time_of(event.exchange_time), _time_of(event.received_at)
        if isinstance(event, Snapshot):
            conflated = event.conflated
            reason = CONTINUED if recorded.is_continued else None
    elif isinstance(event, StatusChange):
        kind, status, reason = "status", event.status, event.reason
        epoch, seq, received_at = event.epoch, event.seq, _time_of(event.at)
    else:
        kind, reason, missed = "lagged", event.reason, event.missed
    decimals = precision or (None, None)
    return (
        *(event.symbol, kind, epoch, seq, exchange_time, received_at, recorded.recorded_at),
        *(*decimals, checksum, recorded.is_verified, status, reason, conflated, missed),
    )


def _time_of(text: str | None) -> int | None:
    """Return a time in Unix microseconds; None if it is absent or not a time."""
    if not text:
        return None
    try:
        return parse_rfc3339(text) // 1000
    except ValueError:
        return None


def _time_text(microseconds: int | None) -> str | None:
    return None if microseconds is None else rfc3339(microseconds * 1000)


def floats_of(units: pa.Array, decimals: pa.Array) -> pa.Array:
    """Return units as floats: the nearest ones, as long as the units are below 2**53."""
    powers = pc.power(pa.scalar(10.0), decimals.cast(pa.float64()))
    return pc.divide(units.cast(pa.float64(), safe=False), powers)


def _column(batch: pa.RecordBatch, name: str) -> list[Any]:
    column = batch.column(name)
    if pa.types.is_timestamp(column.type):
        # Times as numbers are faster than datetimes.
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def _pair_of(row: tuple[Any, ...]) -> tuple[str, str]:
    """Return the price and quantity texts of a row, from its integers."""
    ticks, lots, qty_text, price_precision, qty_precision = row[_LEVEL]
    if ticks is None or (lots is None) == (qty_text is None):
        raise ValueError("a level has no price, or no quantity, or two")
    price = to_text(ticks, price_precision)
    return price, qty_text if lots is None else to_text(lots, qty_precision)
