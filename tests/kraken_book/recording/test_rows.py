"""Events become rows of a book file, and rows become the same events."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_book.event import Event, Lagged, Snapshot, StatusChange, Update
from kraken_book.precision import Precision, to_text
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.rows import INT64_MAX, EventAssembler, RowBuffer
from kraken_book.recording.schema import SCHEMA

PRECISION = Precision(1, 8)
TIME = "2026-11-27T18:00:00.123456Z"
NO_TOP: dict[str, Any] = {"best_bid": None, "best_ask": None, "spread": None}

levels = st.lists(
    st.tuples(
        st.integers(1, INT64_MAX).map(lambda ticks: to_text(ticks, PRECISION.price)),
        st.integers(0, 2 * INT64_MAX).map(lambda lots: to_text(lots, PRECISION.qty)),
    ),
    max_size=4,
)
numbers = st.integers(0, 2**53)
maybe_time = st.sampled_from([None, TIME])
updates = st.builds(
    Update,
    symbol=st.just("BTC/USD"),
    seq=numbers,
    epoch=numbers,
    bids=levels,
    asks=levels,
    checksum=st.integers(0, 2**32 - 1),
    exchange_time=maybe_time,
    received_at=maybe_time,
    best_bid=st.none(),
    best_ask=st.none(),
    spread=st.none(),
)
snapshots = updates.flatmap(
    lambda update: st.builds(
        lambda conflated: Snapshot(
            **{name: getattr(update, name) for name in update.__struct_fields__},
            depth=25,
            price_precision=PRECISION.price,
            qty_precision=PRECISION.qty,
            source="simulated",
            conflated=conflated,
        ),
        st.none() | numbers,
    )
)
statuses = st.builds(
    StatusChange,
    symbol=st.just("BTC/USD"),
    seq=st.none() | numbers,
    epoch=st.none() | numbers,
    status=st.sampled_from(["live", "syncing", "stale"]),
    reason=st.none() | st.text(max_size=8),
    at=st.just(TIME),
)
laggeds = st.builds(
    Lagged,
    symbol=st.just("ETH/USD"),
    missed=st.none() | numbers,
    reason=st.sampled_from(["trimmed", "slow"]),
)


def recorded(event: Event, at: int = 1_795_795_200_000_000) -> RecordedEvent:
    return RecordedEvent(
        event=event, recorded_at=at, is_verified=isinstance(event, Update | Snapshot)
    )


@given(
    st.lists(updates | snapshots | statuses | laggeds, min_size=1, max_size=6), st.integers(1, 9)
)
def test_rows_become_the_events_that_they_were(events: list[Event], size: int) -> None:
    buffer = RowBuffer()
    for number, event in enumerate(events):
        buffer.add(recorded(event, number), PRECISION)
    table = pa.Table.from_batches([buffer.take()])
    assert len(buffer) == 0
    assembler = EventAssembler("simulated", 25)
    read = [
        each for batch in table.to_batches(max_chunksize=size) for each in assembler.feed(batch)
    ]
    assert read == [recorded(event, number) for number, event in enumerate(events)]
    assert assembler.is_whole


def update(bids: list[tuple[str, str]]) -> Update:
    return Update(
        symbol="BTC/USD",
        seq=2,
        epoch=1,
        bids=bids,
        asks=[],
        checksum=7,
        exchange_time=None,
        received_at=None,
        **NO_TOP,
    )


def batch_of(event: Event, precision: Precision | None = PRECISION) -> pa.RecordBatch:
    buffer = RowBuffer()
    buffer.add(recorded(event), precision)
    return buffer.take()


def test_row_has_floats_and_exact_integers() -> None:
    (row,) = batch_of(update([("63004.9", "0.01876947")])).to_pylist()
    assert (row["price"], row["qty"]) == (63004.9, 0.01876947)
    assert (row["price_ticks"], row["qty_lots"], row["qty_text"]) == (630049, 1876947, None)
    assert (row["side"], row["last"]) == ("bid", True)


def test_only_the_last_row_of_an_event_is_marked() -> None:
    rows = batch_of(update([("2.0", "1.00000000"), ("1.0", "1.00000000")])).to_pylist()
    assert [row["last"] for row in rows] == [False, True]


def test_quantity_past_int64_is_a_text_and_is_counted() -> None:
    buffer = RowBuffer()
    qty = to_text(INT64_MAX + 1, PRECISION.qty)
    buffer.add(recorded(update([("1.0", qty)])), PRECISION)
    assert buffer.text_quantities == 1
    (row,) = buffer.take().to_pylist()
    assert (row["qty_lots"], row["qty_text"]) == (None, qty)
    assert row["qty"] == float(qty)


@pytest.mark.parametrize("pair", [("x", "1.0"), (to_text(INT64_MAX + 1, 1), "1.0")])
def test_event_that_fits_no_row_leaves_no_rows(pair: tuple[str, str]) -> None:
    buffer = RowBuffer()
    with pytest.raises(ValueError, match=r"no price|too large"):
        buffer.add(recorded(update([("1.0", "1.0"), pair])), PRECISION)
    assert (len(buffer), buffer.events) == (0, 0)
    assert buffer.take().num_rows == 0


def test_event_without_levels_is_one_row_without_a_side() -> None:
    (row,) = batch_of(Lagged("BTC/USD", 5, "trimmed"), None).to_pylist()
    assert (row["side"], row["missed"], row["reason"], row["last"]) == (None, 5, "trimmed", True)


def test_rows_have_the_columns_in_order() -> None:
    assert batch_of(update([])).schema == SCHEMA
