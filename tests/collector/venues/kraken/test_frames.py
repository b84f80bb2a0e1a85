"""Kraken's frames as they are documented, and any other bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.venues.kraken.answers import RequestAnswer
from collector.venues.kraken.book_feed import parse_levels
from collector.venues.kraken.frames import (
    BookEntry,
    BookFrame,
    BookParts,
    Frame,
    FrameError,
    Heartbeat,
    Instruments,
    System,
    Unknown,
    decode_entry,
    decode_frame,
    decode_pair,
)
from collector.venues.kraken.requests import (
    subscribe_books,
    subscribe_instruments,
    unsubscribe_books,
)
from kraken_book.precision import Precision

BTC = Precision(1, 8)
BOOK = (
    '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":63381.0,'
    '"qty":0.00000000},{"price":63376.4,"qty":0.00005100}],"asks":[],"checksum":3726153463,'
    '"timestamp":"2026-08-02T03:35:51.660084Z"}]}'
)
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


def decode(text: str) -> Frame:
    return decode_frame(text.encode())


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


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
    # Integers alone survive Python's json, so both are written by it.
    plain = json.loads(text)
    turned = json.dumps(reversed_keys(plain))
    kind = type(decode(text))
    told, expected = decode(turned), decode(json.dumps(plain))
    assert type(told) is kind
    if isinstance(told, BookFrame) and isinstance(expected, BookFrame):
        assert parse_levels(told.data[0], BTC) == parse_levels(expected.data[0], BTC)
        assert told.data[0].checksum == expected.data[0].checksum
    elif isinstance(told, Instruments) and isinstance(expected, Instruments):
        assert list(map(decode_pair, told.pairs)) == list(map(decode_pair, expected.pairs))
    else:
        assert told == expected


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


def test_acknowledgement_is_decoded_as_granted() -> None:
    assert decode(ACK) == RequestAnswer("subscribe", True, None, "BTC/USD", "book", None)


def test_acknowledgement_of_instruments_may_have_warnings() -> None:
    text = (
        '{"method":"subscribe","result":{"channel":"instrument","snapshot":true,'
        '"warnings":["tick_size is deprecated"]},"success":true,"req_id":79}'
    )
    assert decode(text) == RequestAnswer("subscribe", True, None, None, "instrument", 79)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            '{"error":"Currency pair not supported XBT/EUR","method":"subscribe","success":false,'
            '"symbol":"XBT/EUR"}',
            RequestAnswer("subscribe", False, "Currency pair not supported XBT/EUR", "XBT/EUR"),
        ),
        (
            '{"error":"Subscription depth not supported","method":"subscribe","success":false,'
            '"time_in":"t","time_out":"t","req_id":4}',
            RequestAnswer("subscribe", False, "Subscription depth not supported", None, None, 4),
        ),
        (
            '{"error":"Already subscribed","method":"subscribe","req_id":2,"success":false,'
            '"symbol":"BTC/USD"}',
            RequestAnswer("subscribe", False, "Already subscribed", "BTC/USD", None, 2),
        ),
        ('{"Error":"Exceeded msg rate"}', RequestAnswer(None, False, "Exceeded msg rate")),
        ('{"method":"pong","req_id":101}', RequestAnswer("pong", True, None, None, None, 101)),
    ],
)
def test_answer_has_kraken_success_and_error(text: str, answer: RequestAnswer) -> None:
    assert decode(text) == answer


@pytest.mark.parametrize(
    "text", ['{"channel":"trade","type":"update","data":[{"price":1.0}]}', "{}", '{"hello":1}']
)
def test_frame_of_an_unknown_channel_or_kind_is_decoded_as_unknown(text: str) -> None:
    assert isinstance(decode(text), Unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b'{"channel":"\xff"}',
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b'{"channel":7}',
        b'{"channel":"status","data":{}}',
        b'{"channel":"status"}',
        b'{"channel":"instrument","data":[]}',
        b'{"channel":"book"}',
        b'{"channel":"book","type":"delete","data":[]}',
        b'{"channel":"book","type":"update","data":"x"}',
        b'{"channel":"book","type":"update","data":[',
    ],
)
def test_invalid_frame_is_an_error_without_symbols(data: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode_frame(data)
    assert caught.value.symbols == ()


@pytest.mark.parametrize("head", [b"", b'{"channel":"book","data":', b'{"x":', b'{"channel":'])
@pytest.mark.parametrize("brackets", [b"[", b'{"a":'])
def test_deep_nesting_is_an_error(head: bytes, brackets: bytes) -> None:
    with pytest.raises(FrameError):
        decode_frame(head + brackets * 200_000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"checksum":3726153463', '"checksum":"372615346x"'),
        ('"checksum":3726153463,', ""),
        ('"type":"update"', '"type":"delta"'),
    ],
)
def test_error_of_a_broken_entry_names_its_symbol(old: str, new: str) -> None:
    assert old in BOOK
    for text in (BOOK, json.dumps(reversed_keys(json.loads(BOOK)), separators=(",", ":"))):
        if old not in text:
            continue
        with pytest.raises(FrameError) as caught:
            entries_of(decode(text.replace(old, new)))
        assert caught.value.symbols == ("BTC/USD",)


def entries_of(frame: Frame) -> list[BookEntry]:
    """Return the entries of a book frame; raise FrameError at the first senseless one."""
    assert isinstance(frame, BookFrame | BookParts)
    return frame.data if isinstance(frame, BookFrame) else list(map(decode_entry, frame.data))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"checksum":3726153463', '"checksum":null', ("ETH/USD",)),
        ('"symbol":"ETH/USD",', "", ()),
        ('"symbol":"ETH/USD"', '"symbol":5', ()),
    ],
)
def test_broken_entry_leaves_other_entries_decodable(old: str, new: str, named: tuple[str, ...]) -> None:
    entry = BOOK[BOOK.index("[{") + 1 : -2]
    broken = entry.replace("BTC", "ETH").replace(old, new)
    for entries in (f"{entry},{broken}", f"{broken},{entry}"):
        frame = decode(BOOK.replace(entry, entries))
        assert isinstance(frame, BookParts)
        understood, errors = [], []
        for raw in frame.data:
            try:
                understood.append(decode_entry(raw))
            except FrameError as error:
                errors.append(error)
        assert [each.symbol for each in understood] == ["BTC/USD"]
        assert [(each.symbols, each.is_book) for each in errors] == [(named, True)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "channel",
                    "data",
                    "type",
                    "method",
                    "symbol",
                    "error",
                    "Error",
                    "result",
                    "req_id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.binary(max_size=40)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.tuples(st.sampled_from(["book", "status", "instrument"]), json_values).map(
        lambda pair: json.dumps({"channel": pair[0], "type": "update", "data": pair[1]}).encode()
    )
)
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_a_frame_or_a_frame_error(data: bytes) -> None:
    symbols: tuple[str, ...] = ()
    try:
        decode_frame(data)
    except FrameError as error:
        symbols = error.symbols
    assert all(isinstance(symbol, str) for symbol in symbols)


def test_requests_are_as_kraken_documents_them() -> None:
    assert json.loads(subscribe_instruments(79)) == {
        "method": "subscribe",
        "params": {"channel": "instrument"},
        "req_id": 79,
    }
    assert json.loads(subscribe_books(["BTC/USD"], 10, 1)) == {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 10, "snapshot": True},
        "req_id": 1,
    }
    assert json.loads(unsubscribe_books(["MINA/GBP"], 25, 2)) == {
        "method": "unsubscribe",
        "params": {"channel": "book", "symbol": ["MINA/GBP"], "depth": 25},
        "req_id": 2,
    }


def test_invalid_pair_leaves_other_pairs_decodable() -> None:
    pairs = (
        '{"symbol":"X/Y","price_precision":null,"qty_precision":8}',
        '{"symbol":"BTC/USD","price_precision":1,"qty_precision":8}',
    )
    frame = f'{{"channel":"instrument","type":"snapshot","data":{{"pairs":[{",".join(pairs)}]}}}}'
    decoded = decode_frame(frame.encode())
    assert isinstance(decoded, Instruments)
    odd, pair = map(decode_pair, decoded.pairs)
    assert (odd.symbol, odd.precision) == ("X/Y", None)
    assert (pair.symbol, pair.precision) == ("BTC/USD", Precision(1, 8))


@pytest.mark.parametrize(
    "odd",
    [
        '"price_precision":null,"qty_precision":8',
        '"price_precision":"1","qty_precision":8',
        '"price_precision":1.5,"qty_precision":8',
        '"price_precision":true,"qty_precision":8',
        '"price_precision":-1,"qty_precision":8',
        '"price_precision":31,"qty_precision":8',
        '"qty_precision":8',
    ],
)
def test_pair_with_an_invalid_precision_has_a_symbol(odd: str) -> None:
    pair = decode_pair(msgspec.Raw(f'{{"symbol":"X/Y",{odd},"status":7}}'.encode()))
    assert (pair.symbol, pair.precision, pair.status) == ("X/Y", None, None)


@pytest.mark.parametrize("data", ["5", "[]", "{}", '{"symbol":7}', "nonsense"])
def test_pair_without_a_symbol_is_an_error(data: str) -> None:
    with pytest.raises(FrameError):
        decode_pair(msgspec.Raw(data.encode()))


ENTRY = '{{"symbol":"BTC/USD","bids":[],"asks":[],"checksum":{checksum},"timestamp":{time}}}'


@pytest.mark.parametrize(
    "time",
    ["1795725366.07", "1795725366", "null", "true", "{}", "[[]]", "1e999", "-0", '{"s":"soon"}'],
)
def test_timestamp_of_another_type_is_left_out(time: str) -> None:
    entries = (ENTRY.format(checksum=1, time=time), ENTRY.format(checksum=2, time='"soon"'))
    decoded = decode(f'{{"channel":"book","type":"update","data":[{",".join(entries)}]}}')
    assert [(e.symbol, e.checksum, e.timestamp) for e in entries_of(decoded)] == [
        ("BTC/USD", 1, None),
        ("BTC/USD", 2, "soon"),
    ]


def test_checksum_of_digits_in_quotes_is_decoded() -> None:
    entry = decode_entry(msgspec.Raw(ENTRY.format(checksum='"3310070434"', time=5).encode()))
    assert (entry.checksum, entry.timestamp) == (3310070434, None)


@pytest.mark.parametrize("checksum", ["null", '"x"', "true", "1.5", "{}", '""'])
def test_checksum_that_is_not_a_number_is_an_error_of_its_symbol(checksum: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode_entry(msgspec.Raw(ENTRY.format(checksum=checksum, time="null").encode()))
    assert caught.value.symbols == ("BTC/USD",)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            '{"error":{"code":7},"method":"subscribe"}',
            RequestAnswer("subscribe", False, '{"code":7}'),
        ),
        ('{"method":"subscribe","req_id":"7"}', RequestAnswer("subscribe")),
        ('{"method":"subscribe","success":false}', RequestAnswer("subscribe", False)),
        (
            '{"method":"subscribe","result":5,"symbol":"A/B"}',
            RequestAnswer("subscribe", symbol="A/B"),
        ),
        (
            '{"method":"subscribe","error":"no","symbol":["A/B",5,"C/D"]}',
            RequestAnswer("subscribe", False, "no", symbols=("A/B", "C/D")),
        ),
    ],
)
def test_answer_member_of_another_type_is_left_out(text: str, answer: RequestAnswer) -> None:
    assert decode(text) == answer
