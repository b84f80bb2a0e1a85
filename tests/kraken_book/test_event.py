"""Events: the JSON of docs/contract.md, and the values decoded from it."""

from __future__ import annotations

import json

import msgspec
import pytest

from kraken_book.book import Book
from kraken_book.book_snapshot import snapshot_of
from kraken_book.event import (
    Lagged,
    LaggedReason,
    Snapshot,
    Status,
    StatusChange,
    Update,
    decode_event,
    render_lagged,
    render_snapshot,
    render_status,
    render_update,
)
from kraken_book.level import Best
from kraken_book.precision import Precision

# The form of an update in docs/contract.md, without spaces and line ends.
UPDATE_JSON = (
    '{"symbol":"BTC/USD","kind":"update","seq":1042,"epoch":1785638131660,'
    '"best_bid":{"price":"81409.1","qty":"6.35417741"},'
    '"best_ask":{"price":"81409.2","qty":"0.00083891"},"spread":"0.1",'
    '"bids":[["81409.1","6.35417741"]],"asks":[],"checksum":2114181697,'
    '"exchange_time":"2026-08-02T03:35:51.660084Z","received_at":"2026-08-02T03:35:51.702114Z"}'
)
EPOCH = 1785638131660
EXCHANGE_TIME = "2026-08-02T03:35:51.660084Z"
RECEIVED_AT = "2026-08-02T03:35:51.702114Z"
SYMBOLS = ["BTC/USD", 'A"B/C\\D', "ÄÖ/€", "a\nb/\u2028", "1INCH/USD", "USDT.M/EUR"]


def example_book(symbol: str = "BTC/USD") -> Book:
    book = Book(symbol, 10, Precision(1, 8))
    book.replace(
        book.levels([("81409.1", "6.35417741"), ("81400.0", "1.00000000")]),
        book.levels([("81409.2", "0.00083891")]),
    )
    return book


def update_of(book: Book, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> bytes:
    return render_update(
        book,
        1042,
        EPOCH,
        book.levels(bids),
        book.levels(asks),
        2114181697,
        EXCHANGE_TIME,
        RECEIVED_AT,
    )


def test_update_is_rendered_as_the_exact_json() -> None:
    assert update_of(example_book(), [("81409.1", "6.35417741")], []).decode() == UPDATE_JSON


def test_rendered_update_decodes_to_its_values() -> None:
    event = decode_event(update_of(example_book(), [("81409.1", "6.35417741")], []))
    assert event == Update(
        symbol="BTC/USD",
        seq=1042,
        epoch=EPOCH,
        best_bid=Best("81409.1", "6.35417741"),
        best_ask=Best("81409.2", "0.00083891"),
        spread="0.1",
        bids=[("81409.1", "6.35417741")],
        asks=[],
        checksum=2114181697,
        exchange_time=EXCHANGE_TIME,
        received_at=RECEIVED_AT,
    )


def test_removed_quantity_is_zero_with_all_decimals() -> None:
    decoded = json.loads(update_of(example_book(), [], [("81410.0", "0")]))
    assert decoded["asks"] == [["81410.0", "0.00000000"]]


def test_changed_levels_keep_their_order() -> None:
    levels = [("9.0", "1.00000000"), ("10.0", "1.00000000"), ("9.0", "0.00000000")]
    assert json.loads(update_of(example_book(), levels, []))["bids"] == [list(x) for x in levels]


@pytest.mark.parametrize("empty", ["bids", "asks", "both"])
def test_best_and_spread_are_null_if_a_side_is_empty(empty: str) -> None:
    book = example_book()
    bids = [] if empty in ("bids", "both") else book.levels([("1.0", "2.00000000")])
    asks = [] if empty in ("asks", "both") else book.levels([("3.0", "4.00000000")])
    book.replace(bids, asks)
    view = snapshot_of(book, "kraken", 1, None)
    for data in (update_of(book, [], []), render_snapshot(view, 1, 2, RECEIVED_AT, None)):
        decoded = json.loads(data)
        assert decoded["best_bid"] == (None if not bids else {"price": "1.0", "qty": "2.00000000"})
        assert decoded["best_ask"] == (None if not asks else {"price": "3.0", "qty": "4.00000000"})
        assert decoded["spread"] is None


def test_update_contains_the_best_levels_and_spread_after_it() -> None:
    book = example_book()
    changes = [
        ([("81409.1", "7.00000000")], []),
        ([], [("81409.2", "8.00000000")]),
        ([("81400.0", "9.00000000")], []),
        ([("81408.5", "1.00000000"), ("81409.1", "0.00000000")], [("81410.0", "1.00000000")]),
        ([], [("81409.2", "0.00000000")]),
        ([], [("81410.0", "0.00000000")]),
        ([], [("81412.0", "2.00000000")]),
    ]
    decoded = []
    for bids, asks in changes:
        book.update(book.levels(bids), book.levels(asks))
        event = json.loads(update_of(book, bids, asks))
        bests = (event["best_bid"], event["best_ask"])
        decoded.append([*(best and f"{best['qty'][0]}@{best['price']}" for best in bests)])
        decoded[-1].append(event["spread"])
    assert decoded == [
        ["7@81409.1", "0@81409.2", "0.1"],
        ["7@81409.1", "8@81409.2", "0.1"],
        ["7@81409.1", "8@81409.2", "0.1"],
        ["1@81408.5", "8@81409.2", "0.7"],
        ["1@81408.5", "1@81410.0", "1.5"],
        ["1@81408.5", None, None],
        ["1@81408.5", "2@81412.0", "3.5"],
    ]


def test_snapshot_contains_the_whole_book_and_its_precision() -> None:
    book = example_book()
    view = snapshot_of(book, "kraken", 77, EXCHANGE_TIME, "checksum")
    data = render_snapshot(view, 5, 6, RECEIVED_AT, 3)
    assert list(json.loads(data).items()) == [
        ("symbol", "BTC/USD"),
        ("kind", "snapshot"),
        ("seq", 5),
        ("epoch", 6),
        ("best_bid", {"price": "81409.1", "qty": "6.35417741"}),
        ("best_ask", {"price": "81409.2", "qty": "0.00083891"}),
        ("spread", "0.1"),
        ("bids", [["81409.1", "6.35417741"], ["81400.0", "1.00000000"]]),
        ("asks", [["81409.2", "0.00083891"]]),
        ("checksum", 77),
        ("exchange_time", EXCHANGE_TIME),
        ("received_at", RECEIVED_AT),
        ("depth", 10),
        ("price_precision", 1),
        ("qty_precision", 8),
        ("source", "kraken"),
        ("proof", "checksum"),
        ("conflated", 3),
    ]


def test_rendered_snapshot_decodes_to_its_values() -> None:
    data = render_snapshot(snapshot_of(example_book(), "simulated", 77, None), 5, 6, None, None)
    assert decode_event(data) == Snapshot(
        symbol="BTC/USD",
        seq=5,
        epoch=6,
        best_bid=Best("81409.1", "6.35417741"),
        best_ask=Best("81409.2", "0.00083891"),
        spread="0.1",
        bids=[("81409.1", "6.35417741"), ("81400.0", "1.00000000")],
        asks=[("81409.2", "0.00083891")],
        checksum=77,
        exchange_time=None,
        received_at=None,
        depth=10,
        price_precision=1,
        qty_precision=8,
        source="simulated",
        conflated=None,
    )


@pytest.mark.parametrize(
    ("seq", "epoch", "status", "reason"),
    [(7, 8, "syncing", "checksum"), (8, 8, "live", None), (None, None, "stale", "age")],
)
def test_status_round_trips_with_the_keys_of_the_contract(
    seq: int | None, epoch: int | None, status: Status, reason: str | None
) -> None:
    change = StatusChange("BTC/USD", seq, epoch, status, reason, RECEIVED_AT)
    data = render_status(change)
    assert list(json.loads(data).items()) == [
        ("symbol", "BTC/USD"),
        ("kind", "status"),
        ("seq", seq),
        ("epoch", epoch),
        ("status", status),
        ("reason", reason),
        ("at", RECEIVED_AT),
    ]
    assert decode_event(data) == change


@pytest.mark.parametrize("reason", ["trimmed", "unknown", "slow", "redis"])
@pytest.mark.parametrize("missed", [12, None])
def test_lagged_round_trips_with_the_keys_of_the_contract(
    missed: int | None, reason: LaggedReason
) -> None:
    data = render_lagged(Lagged("BTC/USD", missed, reason))
    assert list(json.loads(data).items()) == [
        ("symbol", "BTC/USD"),
        ("kind", "lagged"),
        ("missed", missed),
        ("reason", reason),
    ]
    assert decode_event(data) == Lagged("BTC/USD", missed, reason)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_symbol_of_any_characters_round_trips(symbol: str) -> None:
    book = example_book(symbol)
    for data in (
        update_of(book, [], []),
        render_snapshot(snapshot_of(book, "kraken", 1, None), 1, 1, None, None),
        render_status(StatusChange(symbol, 1, 1, "live", None, RECEIVED_AT)),
        render_lagged(Lagged(symbol, None, "slow")),
    ):
        assert json.loads(data)["symbol"] == symbol
        assert decode_event(data).symbol == symbol
        assert b"\n" not in data, "a line end would end the SSE data line"


def test_integers_above_2_to_the_53_round_trip() -> None:
    book = example_book()
    data = render_update(book, 2**60, 2**61, [], [], 2**32 - 1, None, RECEIVED_AT)
    event = decode_event(data)
    assert isinstance(event, Update)
    assert (event.seq, event.epoch, event.checksum) == (2**60, 2**61, 2**32 - 1)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"kind":"trade"}', b'{"kind":"update"}', UPDATE_JSON[:-1]]
)
def test_other_data_is_refused(data: bytes | str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_event(data)
