"""The levels of a book frame: in Kraken's form, in other forms, and invalid ones."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.venues.kraken.book_feed import MAX_LEVELS, parse_levels
from collector.venues.kraken.frames import BookEntry, FrameError
from kraken_book.errors import LevelError
from kraken_book.level import make_level
from kraken_book.precision import Precision, to_text
from lab.naive_book import TextLevel

BTC = Precision(1, 8)
LEVELS = [("63381.0", "0.00000000"), ("63376.4", "0.00005100"), ("0.1", "90071992547409.93000001")]


def entry_of(bids: str, asks: str = "[]") -> BookEntry:
    text = f'{{"symbol":"BTC/USD","checksum":1,"bids":{bids},"asks":{asks}}}'
    return msgspec.json.decode(text.encode(), type=BookEntry)


def as_kraken(levels: list[TextLevel]) -> str:
    return "[" + ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in levels) + "]"


def texts(bids: str, precision: Precision = BTC) -> list[TextLevel]:
    levels, _ = parse_levels(entry_of(bids), precision)
    return [(level.price, level.qty) for level in levels]


def test_levels_keep_their_order_and_texts() -> None:
    bids, asks = parse_levels(entry_of(as_kraken(LEVELS), as_kraken(LEVELS[:1])), BTC)
    assert bids == [make_level(*level, BTC) for level in LEVELS]
    assert asks == [make_level(*LEVELS[0], BTC)]


def test_side_may_be_empty_or_missing() -> None:
    assert parse_levels(entry_of("[]"), BTC) == ([], [])
    entry = msgspec.json.decode(b'{"symbol":"BTC/USD","checksum":1}', type=BookEntry)
    assert parse_levels(entry, BTC) == ([], [])


@pytest.mark.parametrize(
    "bids",
    [
        '[{"qty":0.00005100,"price":63376.4}]',
        '[ {"price": 63376.4, "qty": 0.00005100} ]',
        '[{"price":63376.4,"qty":0.00005100,"orders":[{"price":1.0,"qty":1.00000000}]}]',
        '[{"price":63376.4,"qty":5.1e-05}]',
        '[{"price":63376.40,"qty":0.000051}]',
        '[{"price":6.33764e4,"qty":0.00005100}]',
    ],
)
def test_levels_in_another_form_are_parsed_to_the_same_texts(bids: str) -> None:
    assert texts(bids) == [("63376.4", "0.00005100")]
    # Also beside a level in Kraken's form.
    assert texts(f'{bids[:-1]},{{"price":1.0,"qty":1.00000000}}]') == [
        ("63376.4", "0.00005100"),
        ("1.0", "1.00000000"),
    ]


@pytest.mark.parametrize(
    "bids",
    [
        *("5", "{}", '""', "null", "true", "[5]", "[null]", "[[]]", '["63376.4"]', "[{}]"),
        '{"price":1.0,"qty":1.00000000}',
        '[{"price":1.0}]',
        '[{"price":1.0,"qty":1.00000000},5]',
        '[5,{"price":1.0,"qty":1.00000000}]',
        '[[{"price":1.0,"qty":1.00000000}]]',
        '[{"price":1.0,"qty":1.00000000},[{"price":1.0,"qty":1.00000000}]]',
    ],
)
def test_side_that_is_not_a_list_of_levels_is_a_frame_error_of_its_symbol(bids: str) -> None:
    for entry in (entry_of(bids), entry_of("[]", bids)):
        with pytest.raises(FrameError) as caught:
            parse_levels(entry, BTC)
        assert caught.value.is_book
        assert caught.value.symbols == ("BTC/USD",)


@pytest.mark.parametrize(
    ("level", "why"),
    [
        ('{"price":63376.45,"qty":1.00000000}', "more than 1 decimals"),
        ('{"price":63376.4,"qty":-1.00000000}', "no price or quantity"),
        ('{"price":"63376.4","qty":1.00000000}', "no price or quantity"),
        ('{"price":0.0,"qty":1.00000000}', "the price is zero"),
        ('{"price":63376.4,"qty":null}', "no price or quantity"),
        ('{"price":1e999999,"qty":1.00000000}', "no price or quantity|larger than"),
    ],
)
def test_invalid_level_is_refused_with_its_reason(level: str, why: str) -> None:
    for bids in (f"[{level}]", f'[{{"price":1.0,"qty":1.00000000}},{level}]'):
        with pytest.raises(LevelError, match=why):
            parse_levels(entry_of(bids), BTC)


def test_list_of_too_many_levels_is_refused() -> None:
    level = '{"price":1.0,"qty":1.00000000}'
    assert len(texts(f"[{','.join([level] * MAX_LEVELS)}]")) == MAX_LEVELS
    for one in (level, '{"qty":1.0,"price":1.0}'):
        with pytest.raises(FrameError, match=f"more than {MAX_LEVELS} levels"):
            texts(f"[{','.join([one] * (MAX_LEVELS + 1))}]")


amounts = st.integers(0, 10**20)


@given(
    st.lists(st.tuples(st.integers(1, 10**20), amounts), max_size=5),
    st.integers(0, 12),
    st.integers(0, 12),
    st.booleans(),
)
@settings(deadline=None)
def test_parsed_levels_equal_the_written_ones(
    units: list[tuple[int, int]], price: int, qty: int, is_spaced: bool
) -> None:
    written = [(to_text(ticks, price), to_text(lots, qty)) for ticks, lots in units]
    text = as_kraken(written)
    if is_spaced:
        text = text.replace(",", ", ")
    levels, _ = parse_levels(entry_of(text), Precision(price, qty))
    assert [(level.ticks, level.lots) for level in levels] == units
    assert [(level.price, level.qty) for level in levels] == written
    assert [json.loads(level.json) for level in levels] == [list(level) for level in written]
