"""Broken and very large frames: they affect only the books that they may have changed."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from collector.feed.timestamp import Timestamp
from collector.venues.kraken.book_feed import ENTRIES_PER_STEP
from tests.collector.venues.kraken.kraken_side import (
    BTC,
    ETH,
    TIME,
    Conversation,
    acknowledged,
    instruments,
    together,
)

pytestmark = pytest.mark.usefixtures("hot_path")


def test_invalid_frame_without_a_symbol_leaves_books_live(
    live: Conversation,
) -> None:
    for frame in (b"nonsense", b'{"channel":"news"}', b"[" * 100_000, b""):
        live.receive(frame)
    assert live.books[BTC].is_live
    assert live.books[ETH].is_live
    assert live.requests() == []


@pytest.mark.parametrize(("depth", "doubted"), [(10, []), (25, [BTC, ETH])])
def test_broken_book_frame_without_symbol_doubts_all_books_deeper_than_the_checksum(
    depth: int, doubted: list[str]
) -> None:
    conversation = Conversation(BTC, ETH, depth=depth)
    conversation.go_live()
    conversation.receive(b'{"channel":"book","type":"update","da')
    assert conversation.requested() == ([("unsubscribe", doubted)] if doubted else [])


def test_truncated_book_frame_doubts_its_symbol_alone(live: Conversation) -> None:
    live.receive(live.markets[BTC].snapshot()[:-20])
    assert live.requested() == [("unsubscribe", [BTC])]
    assert live.books[ETH].is_live


@pytest.mark.parametrize("bids", ["null", "[5]", '[{"price":1.0}]', "{}"])
def test_invalid_entry_leaves_later_entries_valid(live: Conversation, bids: str) -> None:
    bad = f'"data":[{{"symbol":"{BTC}","bids":{bids},"asks":[],"checksum":1}}]}}'.encode()
    before, behind = (live.markets[ETH].update([("98.0", f"{n}.00000000")]) for n in (1, 2))
    live.receive(together(before, bad, behind))
    assert (live.books[BTC].status, live.books[BTC].reason) == ("syncing", "frame")
    assert live.books[ETH].is_live
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum
    assert '["98.0","2.00000000"]' in live.books[ETH].view().bids


def test_invalid_snapshot_is_resynced_at_once() -> None:
    conversation = Conversation(BTC, ETH)
    conversation.receive(instruments(BTC, ETH), acknowledged("subscribe", BTC))
    conversation.requests()
    snapshot = conversation.markets[BTC].snapshot().replace(b'"bids":[', b'"bids":[5,')
    conversation.receive(snapshot)
    assert conversation.books[BTC].reason == "frame"
    assert conversation.requested() == [("unsubscribe", [BTC])]


def test_broken_book_frame_without_symbol_doubts_no_acknowledged_book() -> None:
    conversation = Conversation(BTC, depth=25)
    conversation.receive(instruments(BTC), acknowledged("subscribe", BTC))
    conversation.requests()
    conversation.receive(b'{"channel":"book","type":"snapshot","data":[{"symb')
    assert conversation.requested() == []


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"update","channel":"book","data":[{"symbol":"BTC/USD","bids":[{"pri',
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC\\/USD","bids":[{"pri',
    ],
)
def test_truncated_book_frame_is_detected_in_any_order_of_keys(frame: bytes) -> None:
    conversation = Conversation(BTC, depth=25)
    conversation.go_live()
    conversation.receive(frame)
    assert conversation.books[BTC].reason == "frame"


def test_frame_of_too_many_levels_is_not_applied(live: Conversation) -> None:
    level = b'{"price":99.0,"qty":1.00000000}'
    live.receive(
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":['
        + b",".join([level] * 20_000)
        + b'],"asks":[],"checksum":1}]}'
    )
    assert live.books[BTC].reason == "frame"
    assert live.books[ETH].is_live


@pytest.mark.parametrize(
    ("head", "entry", "tail"),
    [
        (
            b'{"channel":"book","type":"update","data":[',
            b'{"symbol":"C/D","bids":[],"asks":[],"checksum":1}',
            b"]}",
        ),
        (b'{"channel":"book","type":"snapshot","data":[', b"{}" + b" " * 9, b"]}"),
        (
            b'{"channel":"instrument","type":"snapshot","data":{"pairs":[',
            b'{"symbol":"C/D","price_precision":1,"qty_precision":8}',
            b"]}}",
        ),
    ],
)
def test_large_frame_is_processed_in_short_steps(
    live: Conversation, head: bytes, entry: bytes, tail: bytes
) -> None:
    count = 30_000
    frame = head + b",".join([entry] * count) + tail
    steps = live.session.begin(frame, Timestamp(0, int(live.now * 1e9)))
    assert sum(1 for _ in steps or ()) == count // ENTRIES_PER_STEP


def test_invalid_frames_cause_a_bounded_number_of_log_lines(live: Conversation) -> None:
    nonsense = [
        b"\xff" * 300,
        b'{"channel":"news","data":5}',
        b'{"error":"no","method":"subscribe"}',
        b'{"channel":"status","data":[{"system":"%d"}]}',
        b'{"channel":"book","type":"update","data":[{}]}',
        b'{"channel":"instrument","type":"update","data":{"pairs":[5,{"symbol":"x"}]}}',
    ]
    with capture_logs() as written:
        for number in range(3000):
            live.receive(nonsense[number % len(nonsense)].replace(b"%d", str(number).encode()))
    assert len(written) < 100
    assert all(len(json.dumps(line)) < 1500 for line in written)


@pytest.mark.parametrize("time", ["1795725366.07", "null", "{}", '"0001-01-01T00:00:00Z"', "1e999"])
def test_invalid_timestamp_is_left_out(live: Conversation, time: str) -> None:
    update = live.markets[BTC].update([("98.0", "1.00000000")])
    live.receive(update.replace(f'"{TIME}"'.encode(), time.encode()))
    assert live.books[BTC].is_live
    assert live.books[BTC].exchange_time is None
    live.receive(live.markets[BTC].update([("98.0", "2.00000000")]))
    assert live.books[BTC].exchange_time == TIME
    assert live.requests() == []


@pytest.mark.parametrize("entry", [b'{"bids":[],"asks":[],"checksum":1}', b"5", b'{"symbol":5}'])
def test_entry_without_a_symbol_leaves_other_entries_valid(
    live: Conversation, entry: bytes
) -> None:
    update = live.markets[ETH].update([("98.0", "1.00000000")])
    live.receive(update.replace(b'"data":[', b'"data":[' + entry + b","))
    assert live.books[ETH].checksum == live.markets[ETH].book.checksum
    assert live.books[BTC].is_live
    assert live.requests() == []


def test_broken_entry_of_an_unwanted_symbol_doubts_no_book() -> None:
    conversation = Conversation(BTC, depth=25)
    conversation.go_live()
    conversation.receive(b'{"channel":"book","type":"update","data":[{"symbol":"SOL/USD"}]}')
    assert conversation.books[BTC].is_live
