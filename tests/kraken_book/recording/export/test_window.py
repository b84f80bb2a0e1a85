"""Who applies the steps of a window, and never truncates, has the published book after each one."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_book.book import AnySide, Book
from kraken_book.event import Lagged, Snapshot, Update
from kraken_book.position import Position
from kraken_book.precision import Precision
from kraken_book.recording.export.window import Change, Window, WindowStep
from kraken_book.recording.recorded import RecordedEvent
from tests.kraken_book.recording.kraken_events import kraken_events
from tests.kraken_book.recording.made import START, events_of

PRECISION = Precision(1, 2)

# Bids are from 1.0 to 3.0, asks from 3.1 to 5.0: more prices than the depth of 10.
prices = {"bids": st.integers(10, 30), "asks": st.integers(31, 50)}


def side(name: str, at_most: int, least: int = 0) -> st.SearchStrategy[list[tuple[str, str]]]:
    price = prices[name].map(lambda ticks: f"{ticks / 10:.1f}")
    qty = st.integers(least, 3).map(lambda lots: f"{lots}.00")
    return st.lists(st.tuples(price, qty), max_size=at_most, unique_by=lambda level: level[0])


frames = st.lists(
    st.one_of(
        st.tuples(st.just("update"), side("bids", 4), side("asks", 4)),
        st.tuples(st.just("snapshot"), side("bids", 10, 1), side("asks", 10, 1)),
        st.tuples(st.just("lagged"), side("bids", 10, 1), side("asks", 10, 1)),
    ),
    max_size=30,
)


class Reader:
    """Applies steps as a program does that knows nothing of a depth."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[str, str]] = {"bid": {}, "ask": {}}

    def apply(self, changes: list[Change]) -> None:
        for side, price, qty in changes:
            if float(qty):
                self.levels[side][price] = qty
            else:
                # Only levels that it has are deleted.
                del self.levels[side][price]
            assert not self.is_crossed

    @property
    def is_crossed(self) -> bool:
        bids, asks = (map(float, self.levels[side]) for side in ("bid", "ask"))
        return max(bids, default=0.0) >= min(asks, default=9e9)


def texts_of(side: AnySide) -> dict[str, str]:
    return {level.price: level.qty for level in side}


def levels_of(book: Book) -> dict[str, dict[str, str]]:
    return {
        "bid": texts_of(book.bids),
        "ask": texts_of(book.asks),
    }


def recorded(kind: str, book: Book, seq: int, bids: Any, asks: Any) -> RecordedEvent:
    apply = book.update if kind == "update" else book.replace
    apply(book.levels(bids), book.levels(asks))
    common: dict[str, Any] = {
        "symbol": book.symbol, "seq": seq, "epoch": 1, "best_bid": None, "best_ask": None,
        "spread": None, "bids": bids, "asks": asks, "checksum": book.checksum(),
        "exchange_time": None, "received_at": "2026-11-27T18:00:00.000002Z",
    }  # fmt: skip
    event: Snapshot | Update
    if kind == "update":
        event = Update(**common)
    else:
        event = Snapshot(
            **common, depth=book.depth, price_precision=1, qty_precision=2, source="kraken",
            conflated=None,
        )  # fmt: skip
    return RecordedEvent(event=event, recorded_at=START + seq, is_verified=True)


def check(reader: Reader, step: WindowStep, book: Book) -> None:
    expected = levels_of(book)
    if step.snapshot is not None:
        whole = Reader()
        whole.apply(step.snapshot)
        assert whole.levels == expected
    reader.apply(step.changes)
    assert reader.levels == expected


@settings(max_examples=60, deadline=None)
@given(frames)
def test_reader_of_steps_that_does_not_truncate_always_has_the_window(
    frames: list[tuple[str, Any, Any]],
) -> None:
    book = Book("BTC/USD", 10, PRECISION)
    window, reader = Window(book.symbol), Reader()
    first = window.apply(recorded("snapshot", book, 1, [("2.0", "1.00")], []))
    assert first is not None
    assert first.snapshot == [Change("bid", "2.0", "1.00")]
    assert first.changes == []
    reader.apply(first.snapshot)
    for seq, (kind, bids, asks) in enumerate(frames, start=2):
        if kind == "lagged":
            assert window.apply(lagged(seq)) is None
        step = window.apply(recorded(kind, book, seq, bids, asks))
        assert step is not None
        assert step.position == Position(1, seq)
        check(reader, step, book)


def lagged(seq: int) -> RecordedEvent:
    event = Lagged("BTC/USD", None, "trimmed")
    return RecordedEvent(event=event, recorded_at=START + seq, is_verified=False)


def test_level_that_an_update_pushes_out_is_deleted() -> None:
    book = Book("BTC/USD", 10, PRECISION)
    window = Window(book.symbol)
    bids = [(f"{number}.0", "1.00") for number in range(1, 11)]
    window.apply(recorded("snapshot", book, 1, bids, []))
    step = window.apply(recorded("update", book, 2, [("11.0", "2.00")], []))
    assert step is not None
    assert step.changes == [Change("bid", "1.0", "0.00"), Change("bid", "11.0", "2.00")]
    # It comes back by a message of its own.
    step = window.apply(recorded("update", book, 3, [("11.0", "0.00"), ("1.0", "3.00")], []))
    assert step is not None
    assert step.changes == [Change("bid", "11.0", "0.00"), Change("bid", "1.0", "3.00")]


def test_invalid_event_has_no_step_and_the_next_snapshot_has_the_difference() -> None:
    start, update, *_ = events_of("BTC/USD", updates=2)
    window, reader = Window("BTC/USD"), Reader()
    first = window.apply(start)
    assert first is not None
    assert first.snapshot is not None
    reader.apply(first.snapshot)
    wrong = msgspec.structs.replace(update.event, checksum=1)
    assert window.apply(msgspec.structs.replace(update, event=wrong)) is None
    assert window.snapshot() is None
    assert window.apply(update) is None
    later = events_of("BTC/USD", first_seq=9, updates=0)[0]
    step = window.apply(later)
    assert step is not None
    assert step.changes == []
    assert step.snapshot == first.snapshot


def test_times_never_go_back() -> None:
    events = kraken_events()
    early = msgspec.structs.replace(
        events[1].event,
        exchange_time="2020-01-01T00:00:00.000000Z",
        received_at="2020-01-01T00:00:00.000000Z",
    )
    window = Window("BTC/USD")
    first = window.apply(events[0])
    second = window.apply(msgspec.structs.replace(events[1], event=early))
    assert first is not None
    assert second is not None
    assert (second.exchange_time, second.local_time) == (first.exchange_time, first.local_time)
