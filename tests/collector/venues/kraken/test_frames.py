"""Kraken's frames in their documented forms (docs/kraken-protocol.md)."""

from __future__ import annotations

import json

import pytest

from collector.venues.kraken.book_feed import parse_levels
from collector.venues.kraken.frames import (
    BookFrame,
    Heartbeat,
    Instruments,
    System,
    Unknown,
    decode_pair,
)
from kraken_book.precision import Precision
from tests.collector.venues.kraken.frame_text import BOOK, decode, reversed_keys

BTC = Precision(1, 8)


STATUS = (
    '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
    '"api_version":"v2","connection_id":15413894943188002760}]}'
)


INSTRUMENT = (
    '{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD"}],"pairs":['
    '{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,'
    '"qty_increment":1e-08,"price_precision":1,"cost_precision":5,"cost_min":0.5,"tick_size":0.1,'
    '"price_increment":0.1,"qty_min":5e-05}]}}'
)


ACK = (
    '{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,'
    '"symbol":"BTC/USD"},"success":true,"time_in":"2026-08-02T03:35:50.983359Z",'
    '"time_out":"2026-08-02T03:35:50.983398Z"}'
)


def test_book_frame_keeps_numbers_as_text() -> None:
    frame = decode(BOOK)
    assert isinstance(frame, BookFrame)
    (entry,) = frame.data
    assert (frame.type, entry.symbol, entry.checksum) == ("update", "BTC/USD", 3726153463)
    assert entry.timestamp == "2026-08-02T03:35:51.660084Z"
    assert bytes(entry.bids) in BOOK.encode()
    assert b"63376.4" in bytes(entry.bids)
    assert bytes(entry.asks) == b"[]"


def test_book_entry_may_have_no_timestamp() -> None:
    frame = decode(BOOK.replace(',"timestamp":"2026-08-02T03:35:51.660084Z"', ""))
    assert isinstance(frame, BookFrame)
    assert frame.data[0].timestamp is None


def test_book_frame_may_have_several_entries() -> None:
    entry = BOOK[BOOK.index("[{") + 1 : -2]
    frame = decode(BOOK.replace(entry, f"{entry},{entry.replace('BTC', 'ETH')}"))
    assert isinstance(frame, BookFrame)
    assert [entry.symbol for entry in frame.data] == ["BTC/USD", "ETH/USD"]


@pytest.mark.parametrize("text", [BOOK, STATUS, INSTRUMENT, ACK])
def test_frames_are_distinguished_in_any_order_of_keys(text: str) -> None:
    # Python's json drops trailing zeros of floats, so it writes both texts.
    plain = json.loads(text)
    turned = json.dumps(reversed_keys(plain))
    kind = type(decode(text))
    decoded, expected = decode(turned), decode(json.dumps(plain))
    assert type(decoded) is kind
    if isinstance(decoded, BookFrame) and isinstance(expected, BookFrame):
        assert parse_levels(decoded.data[0], BTC) == parse_levels(expected.data[0], BTC)
        assert decoded.data[0].checksum == expected.data[0].checksum
    elif isinstance(decoded, Instruments) and isinstance(expected, Instruments):
        assert list(map(decode_pair, decoded.pairs)) == list(map(decode_pair, expected.pairs))
    else:
        assert decoded == expected


def test_book_frame_may_have_spaces() -> None:
    assert isinstance(decode(json.dumps(json.loads(BOOK), indent=2)), BookFrame)


def test_status_frame_with_a_huge_connection_id_is_decoded() -> None:
    assert decode(STATUS) == System("online")
    assert decode(STATUS.replace("15413894943188002760", "9" * 40)) == System("online")


@pytest.mark.parametrize("word", ["online", "cancel_only", "maintenance", "post_only"])
def test_status_frame_has_the_state_of_the_engine(word: str) -> None:
    assert decode(STATUS.replace("online", word)) == System(word)


def test_heartbeat_is_decoded() -> None:
    assert decode('{"channel":"heartbeat"}') == Heartbeat()


def test_instruments_have_precisions() -> None:
    frame = decode(INSTRUMENT)
    assert isinstance(frame, Instruments)
    (pair,) = map(decode_pair, frame.pairs)
    assert (pair.symbol, pair.price_precision, pair.qty_precision) == ("BTC/USD", 1, 8)


@pytest.mark.parametrize(
    "text", ['{"channel":"trade","type":"update","data":[{"price":1.0}]}', "{}", '{"hello":1}']
)
def test_frame_of_an_unknown_channel_or_kind_is_decoded_as_unknown(text: str) -> None:
    assert isinstance(decode(text), Unknown)
