"""The bytes of frames equal those of recorded frames of Kraken."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.recordings import FindRecording
from simulator.market.instrument import SimulatedInstrument
from simulator.protocols.kraken.book_frames import book_frame
from simulator.protocols.kraken.instruments import instrument_frame, number_text
from simulator.wire import decimal_text, pack
from tests.simulator.helpers import parse, unpack

BTC = SimulatedInstrument("BTC/USD", 1, 8, 5000)


def test_book_frame_equals_krakens() -> None:
    text = book_frame(
        "update",
        BTC,
        [(633810, 0), (633764, 5100)],
        [],
        3726153463,
        "2026-08-02T03:35:51.660084Z",
    )
    assert text == (
        '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD",'
        '"bids":[{"price":63381.0,"qty":0.00000000},{"price":63376.4,"qty":0.00005100}],'
        '"asks":[],"checksum":3726153463,"timestamp":"2026-08-02T03:35:51.660084Z"}]}'
    )


@pytest.mark.parametrize("name", ["kraken-btcusd-depth10.jsonl", "kraken-btcusd-depth25.jsonl"])
def test_recorded_book_frames_are_rendered_byte_for_byte(
    recorded: FindRecording, name: str
) -> None:
    path = recorded(name)
    frames = [line for line in path.read_text().splitlines() if '"channel":"book","type"' in line]
    assert len(frames) > 100
    for line in frames:
        frame = parse(line)
        (entry,) = frame["data"]
        bids, asks = ([_units(level) for level in entry[side]] for side in ("bids", "asks"))
        assert line == book_frame(
            frame["type"], BTC, bids, asks, entry["checksum"], entry["timestamp"]
        )


def _units(level: Any) -> tuple[int, int]:
    return int(Decimal(level["price"]).scaleb(1)), int(Decimal(level["qty"]).scaleb(8))


@given(units=st.integers(0, 2**70), precision=st.integers(0, 12))
def test_decimal_text_is_exact_without_exponent(units: int, precision: int) -> None:
    text = decimal_text(units, precision)
    assert Decimal(text).scaleb(precision) == units
    assert len(text.partition(".")[2]) == precision
    assert text == json.dumps(json.loads(text, parse_float=str)).strip('"')


@pytest.mark.parametrize(
    ("units", "precision", "text"),
    [(1, 8, "1e-08"), (1, 1, "0.1"), (5000, 8, "5e-05"), (1, 0, "1.0"), (1, 4, "0.0001")],
)
def test_number_text_has_exponents(units: int, precision: int, text: str) -> None:
    assert number_text(units, precision) == text


def test_instrument_frame_lists_pairs_and_each_asset_once() -> None:
    text = instrument_frame([BTC, SimulatedInstrument("ETH/BTC", 5, 8, 1)])
    assert (
        '"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online",'
        '"qty_precision":8,"qty_increment":1e-08,"price_precision":1,"cost_precision":5,'
        '"cost_min":0.5,"tick_size":0.1,"price_increment":0.1,"qty_min":5e-05},'
    ) in text
    data = json.loads(text)["data"]
    assert [asset["id"] for asset in data["assets"]] == ["BTC", "USD", "ETH"]


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_packed_frame_carries_its_text(length: int) -> None:
    assert unpack(pack("x" * length)) == "x" * length
