"""Invalid frames, entries and pairs, and arbitrary bytes."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.venues.kraken.frames import (
    BookEntry,
    BookFrame,
    BookParts,
    Frame,
    FrameError,
    Instruments,
    decode_entry,
    decode_frame,
    decode_pair,
)
from kraken_book.precision import Precision
from tests.collector.venues.kraken.frame_text import BOOK, decode, reversed_keys

BTC = Precision(1, 8)


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
    """Return the entries of a book frame; raise FrameError at the first invalid one."""
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
def test_broken_entry_leaves_other_entries_decodable(
    old: str, new: str, named: tuple[str, ...]
) -> None:
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
