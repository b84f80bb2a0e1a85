"""The hash of a book: the fields of docs/contract.md, and the values parsed from them."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from kraken_book.book import Book
from kraken_book.book_snapshot import BookSnapshot, snapshot_of
from kraken_book.contract.book_hash import BOOK_FIELDS, book_values, parse_book_hash
from kraken_book.contract.keys import book_key, events_key, lease_key
from kraken_book.contract.symbol_state import (
    SymbolState,
    SymbolStatus,
    decode_symbol_state,
    encode_symbol_state,
)
from kraken_book.position import Position
from kraken_book.precision import Precision
from lab.redis_reads import carry_out, entries_at, texts_at
from lab.written_books import (
    CONFIRMED_AT,
    book_call,
    book_snapshot_at,
    snapshot,
    status,
    status_call,
    update,
)

# As docs/contract.md lists them.
FIELDS_OF_ANY_SYMBOL = "symbol status source depth proof stream_epoch stream_seq stream_id"
FIELDS_OF_A_BOOK = (
    "price_precision qty_precision epoch seq event_id checksum exchange_time confirmed_at"
    " best_bid best_bid_qty best_ask best_ask_qty spread bids asks"
)
HASH_FIELDS = {*FIELDS_OF_ANY_SYMBOL.split(), *FIELDS_OF_A_BOOK.split()}
STREAM_FIELDS = {b"kind", b"seq", b"epoch", b"data"}


async def stored(redis: Redis) -> dict[str, str]:
    return await texts_at(redis, book_key("BTC/USD"))


def fields_in_redis(book: BookSnapshot) -> dict[str, str]:
    values = map(str, book_values(book, "live"))
    fields = dict(zip(BOOK_FIELDS, values, strict=True))
    fields |= {"seq": "5", "epoch": "6", "event_id": "7-5", "confirmed_at": "now"}
    return fields | {"stream_epoch": "6", "stream_seq": "8", "stream_id": "9-8"}


def test_keys_of_a_book_share_a_hash_tag() -> None:
    assert book_key("BTC/USD") == "kraken:book:{BTC/USD}"
    assert events_key("BTC/USD") == "kraken:events:{BTC/USD}"
    assert lease_key("2/8") == "kraken:lease:{2/8}"


async def test_hash_of_a_book_has_every_field_of_the_contract(redis: Redis) -> None:
    await carry_out(redis, book_call(3, [snapshot(4)]))
    assert set(await stored(redis)) == HASH_FIELDS
    ((_, fields),) = await entries_at(redis, events_key("BTC/USD"))
    assert set(fields) == STREAM_FIELDS


async def test_hash_after_a_first_status_has_every_field_and_an_empty_book(redis: Redis) -> None:
    await carry_out(redis, status_call(3, [status(4)]))
    fields = await stored(redis)
    assert set(fields) == HASH_FIELDS
    filled = {name for name, value in fields.items() if value}
    assert filled == set(FIELDS_OF_ANY_SYMBOL.split())


async def test_hash_of_a_book_is_readable_text(redis: Redis) -> None:
    await carry_out(redis, book_call(3, [snapshot(4), update(5)]))
    fields = await stored(redis)
    event_id = fields.pop("event_id")
    assert event_id.endswith("-5")
    assert fields.pop("stream_id") == event_id
    assert fields.pop("checksum") == str(book_snapshot_at(5).checksum)
    assert fields == {
        "symbol": "BTC/USD",
        "status": "live",
        "source": "simulated",
        "depth": "10",
        "proof": "checksum",
        "price_precision": "1",
        "qty_precision": "8",
        "epoch": "3",
        "seq": "5",
        "exchange_time": CONFIRMED_AT,
        "confirmed_at": CONFIRMED_AT,
        "best_bid": "100.0",
        "best_bid_qty": "0.00000005",
        "best_ask": "101.0",
        "best_ask_qty": "2.00000000",
        "spread": "1.0",
        "bids": '[["100.0","0.00000005"],["99.0","1.00000000"]]',
        "asks": '[["101.0","2.00000000"],["102.5","3.00000000"]]',
        "stream_epoch": "3",
        "stream_seq": "5",
    }


async def test_hash_without_proof_is_that_of_an_older_collector(redis: Redis) -> None:
    await carry_out(redis, book_call(3, [snapshot(4)]))
    fields = await stored(redis)
    book, older = parse_book_hash(fields), parse_book_hash({**fields, "proof": ""})
    assert book is not None
    assert older is not None
    assert (book.proof, older.proof) == ("checksum", None)
    del fields["proof"]
    assert parse_book_hash(fields) == older


@pytest.mark.parametrize("proof", ["a b", "ü", "x" * 41, "\n"])
async def test_invalid_proof_is_refused(redis: Redis, proof: str) -> None:
    await carry_out(redis, book_call(3, [snapshot(4)]))
    with pytest.raises(ValueError, match="proof"):
        parse_book_hash({**await stored(redis), "proof": proof})


async def test_written_book_is_parsed_as_the_same_book(redis: Redis) -> None:
    await carry_out(redis, book_call(3, [snapshot(4)]))
    await carry_out(redis, status_call(3, [status(5)]))
    book = parse_book_hash(await texts_at(redis, book_key("BTC/USD")))
    assert book is not None
    assert book.snapshot == book_snapshot_at(4)
    assert (book.symbol, book.status, book.source) == ("BTC/USD", "syncing", "simulated")
    assert (book.position, book.confirmed_at) == (Position(3, 4), CONFIRMED_AT)
    assert (book.stream_seq, book.event_id[-2:], book.stream_id[-2:]) == (5, "-4", "-5")


async def test_hash_without_a_book_is_parsed_without_a_book(redis: Redis) -> None:
    call = status_call(3, [status(4)])
    await carry_out(redis, call)
    book = parse_book_hash(await texts_at(redis, book_key("BTC/USD")))
    assert book is not None
    assert book.snapshot is None
    assert (book.position, book.event_id, book.confirmed_at) == (None, "", "")


async def test_status_of_a_new_leader_keeps_the_book_readable(
    redis: Redis,
) -> None:
    # A collector can lead before it knows the precisions.
    await carry_out(redis, book_call(3, [snapshot(4)]))
    call = status_call(9, [status(5)])
    await carry_out(redis, call)
    book = parse_book_hash(await texts_at(redis, book_key("BTC/USD")))
    assert book is not None
    assert book.snapshot == book_snapshot_at(4)
    assert book.status == "syncing"


async def test_status_with_another_depth_keeps_the_book(redis: Redis) -> None:
    await carry_out(redis, book_call(3, [snapshot(4)]))
    call = status_call(3, [status(5)], source="kraken", depth=25)
    await carry_out(redis, call)
    book = parse_book_hash(await texts_at(redis, book_key("BTC/USD")))
    assert book is not None
    assert book.snapshot == book_snapshot_at(4)


@pytest.mark.parametrize("bids", [[], [("1.0", "2.00000000")]])
@pytest.mark.parametrize("asks", [[], [("3.0", "4.00000000")]])
@pytest.mark.parametrize("time", [None, CONFIRMED_AT])
def test_empty_sides_and_missing_time_round_trip(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], time: str | None
) -> None:
    book = Book("BTC/USD", 25, Precision(1, 8))
    book.replace(book.levels(bids), book.levels(asks))
    view = snapshot_of(book, "kraken", book.checksum(), time)
    fields = fields_in_redis(view)
    parsed = parse_book_hash(fields)
    assert parsed is not None
    assert parsed.snapshot == view
    assert (fields["spread"] == "") == (not bids or not asks)
    assert (fields["best_bid"], fields["best_bid_qty"]) == (
        ("1.0", "2.00000000") if bids else ("", "")
    )


def test_empty_hash_is_parsed_as_none() -> None:
    assert parse_book_hash({}) is None


@pytest.mark.parametrize("field", ["symbol", "stream_seq", "bids", "checksum"])
def test_missing_field_is_named_in_the_error(field: str) -> None:
    fields = fields_in_redis(book_snapshot_at(5))
    del fields[field]
    with pytest.raises(ValueError, match=field):
        parse_book_hash(fields)


@pytest.mark.parametrize(
    ("status_word", "acknowledged"),
    [("asked", False), ("refused", False), ("syncing", True), ("live", True)],
)
def test_symbol_state_round_trips(status_word: SymbolStatus, acknowledged: bool) -> None:
    state = SymbolState(status_word, "why", "kraken", "0/1", 10, None, 8)
    assert decode_symbol_state(encode_symbol_state(state)) == state
    assert state.acknowledged == acknowledged
