"""Recorded connections of venues give exactly the books of an independent rebuild."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collector.venues.binance.pairs import decode_depth
from collector.venues.binance.venue import binance_traits
from collector.venues.bitfinex.pairs import decode_pairs
from collector.venues.bitfinex.venue import bitfinex_traits
from collector.venues.coinbase.venue import coinbase_traits
from collector.venues.sequenced.protocol import VenuePair
from kraken_book.precision import Precision
from lab.recordings import FindRecording
from tests.collector.venues.sequenced.venue_side import VenueConversation

DEPTH = 10
Numbers = dict[Decimal, Decimal]


class RebuiltBook:
    """An independent rebuild of a book: one dict for each side."""

    def __init__(self) -> None:
        self.bids: Numbers = {}
        self.asks: Numbers = {}

    def set(self, levels: Iterable[Any], side: Numbers) -> None:
        for price, qty in levels:
            side.pop(Decimal(price), None)
            if Decimal(qty):
                side[Decimal(price)] = Decimal(qty)

    @property
    def best(self) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        bids = sorted(self.bids.items(), reverse=True)[:DEPTH]
        return bids, sorted(self.asks.items())[:DEPTH]


def published(venue: VenueConversation, symbol: str) -> tuple[list[Any], list[Any]]:
    sides = venue.sides(symbol)
    bids, asks = ([(Decimal(price), Decimal(qty)) for price, qty in side] for side in sides)
    return bids, asks


def received(tape: Path) -> Iterator[bytes]:
    """Yield the frames of a tape that the venue sent."""
    for line in tape.read_text().splitlines():
        frame = line.partition(" ")[2]
        if not frame.startswith(">"):
            yield frame.encode()


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("blzeth", VenuePair("BLZ/ETH", "BLZETH", Precision(8, 0), "TRADING", is_traded=True)),
        ("nknusdt", VenuePair("NKN/USDT", "NKNUSDT", Precision(5, 1), "TRADING", is_traded=True)),
    ],
)
def test_binance_recording_joins_and_equals_an_independent_rebuild(
    name: str, pair: VenuePair, recorded: FindRecording
) -> None:
    tape = recorded(f"venues/binance-{name}.tape")
    snapshot = json.loads(recorded(f"venues/binance-{name}.snapshot.json").read_text())["body"]
    venue = VenueConversation(binance_traits(DEPTH), [pair], DEPTH)
    (request,) = venue.requests()
    venue.take({"result": None, "id": request["id"]})
    rebuilt, last = RebuiltBook(), snapshot["lastUpdateId"]
    rebuilt.set(snapshot["bids"], rebuilt.bids)
    rebuilt.set(snapshot["asks"], rebuilt.asks)
    for data in received(tape):
        venue.take(data)
        for _, on_answer in venue.asked:
            on_answer(decode_depth(json.dumps(snapshot).encode(), 5000))
        venue.asked.clear()
        change = json.loads(data)["data"]
        if change["u"] <= last:
            continue
        assert change["U"] <= last + 1
        last = change["u"]
        rebuilt.set(change["b"], rebuilt.bids)
        rebuilt.set(change["a"], rebuilt.asks)
        # After every change, not only at the end.
        assert published(venue, pair.symbol) == rebuilt.best
    kinds = [kind for kind, _ in venue.witnesses[pair.symbol].seen]
    assert kinds.count("snapshot") == 1
    assert venue.books[pair.symbol].resyncs == 0


def test_bitfinex_recording_has_no_gap_and_equals_an_independent_rebuild(
    recorded: FindRecording,
) -> None:
    frames = list(received(recorded("venues/bitfinex.tape")))
    events = [json.loads(data) for data in frames if data.startswith(b"{")]
    names = {
        event["chanId"]: event["symbol"]
        for event in events
        if event["event"] == "subscribed" and event["channel"] == "book"
    }
    pairs = decode_pairs(json.dumps([[name[1:] for name in names.values()]]).encode())
    venue = VenueConversation(bitfinex_traits(100), pairs, DEPTH)
    venue.requests()
    rebuilt: dict[int, RebuiltBook] = {}
    for data in frames:
        venue.take(data)
        frame = json.loads(data, parse_float=str, parse_int=str)
        if isinstance(frame, dict) or int(frame[0]) not in names or frame[1] == "hb":
            continue
        channel, content = int(frame[0]), frame[1]
        is_snapshot = isinstance(content[0], list)
        if is_snapshot:
            rebuilt[channel] = RebuiltBook()
        book = rebuilt[channel]
        for price, count, amount in content if is_snapshot else [content]:
            side = book.bids if Decimal(amount) > 0 else book.asks
            book.set([(price, abs(Decimal(amount)) if int(count) else 0)], side)
    assert len(rebuilt) == len(names)
    symbols = {pair.name: pair.symbol for pair in pairs}
    for channel, book in rebuilt.items():
        symbol = symbols[names[channel]]
        assert published(venue, symbol) == book.best
        assert venue.books[symbol].resyncs == 0


def test_coinbase_recording_equals_an_independent_rebuild(recorded: FindRecording) -> None:
    frames = recorded("venues/coinbase-btcusd.jsonl").read_text().splitlines()
    pair = VenuePair("BTC/USD", "BTC-USD", Precision(2, 8), "online", is_traded=True)
    venue = VenueConversation(coinbase_traits(DEPTH), [pair], DEPTH)
    venue.requests()
    rebuilt = RebuiltBook()
    for text in frames:
        venue.take(text.encode())
        frame = json.loads(text)
        if frame["channel"] != "l2_data":
            continue
        for event in frame["events"]:
            for each in event["updates"]:
                side = rebuilt.bids if each["side"] == "bid" else rebuilt.asks
                rebuilt.set([(each["price_level"], each["new_quantity"])], side)
            assert published(venue, "BTC/USD") == rebuilt.best
    assert venue.books["BTC/USD"].resyncs == 0
