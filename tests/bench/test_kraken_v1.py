"""Kraken's v1 as the flood speaks it to a peer: the levels and checksums of v2."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from zlib import crc32

from bench.load.flood import Flood, symbols_of
from bench.load.kraken_v1 import frame_of
from simulator.protocol.wire import pack

DEPTH = 10


def message_of(packed: bytes) -> Any:
    return json.loads(packed[packed.index(b"[336") :])


def v2(kind: str, bids: str, asks: str) -> bytes:
    return pack(
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{bids}],'
        f'"asks":[{asks}],"checksum":123,"timestamp":"2026-01-01T00:00:00.000000Z"}}]}}'
    )


def level(price: str, qty: str) -> str:
    return f'{{"price":{price},"qty":{qty}}}'


def test_where_both_sides_move_the_checksum_stands_with_the_second_as_kraken_has_it() -> None:
    frame = frame_of(v2("update", level("9.50", "1.0"), level("10.10", "2.0")))

    _, asks, bids, channel, pair = message_of(frame)

    assert (channel, pair) == ("book-10", "BTC/USD")
    assert [row[:2] for row in asks["a"]] == [["10.10", "2.0"]]
    assert [row[:2] for row in bids["b"]] == [["9.50", "1.0"]]
    assert "c" not in asks
    assert bids["c"] == "123"


def test_a_side_that_does_not_move_is_not_named() -> None:
    _, bids, *_ = message_of(frame_of(v2("update", level("9.50", "1.0"), "")))

    assert bids.keys() == {"b", "c"}


def test_the_frames_of_a_flood_lead_to_their_checksums_also_with_each_level_truncated() -> None:
    flood = Flood(symbols_of(2), 3000)
    books = {symbol: Truncating(message_of(flood.snapshot_v1(symbol))) for symbol in flood.books}

    for symbol, frame in flood.v1:
        books[symbol].take(message_of(frame))

    assert sum(book.verified for book in books.values()) == len(flood.v1) > 500


class Truncating:
    """A book that is truncated after every level, as a peer's is."""

    def __init__(self, snapshot: Any) -> None:
        _, sides, *_ = snapshot
        self.sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}
        self.verified = 0
        for side in self.sides:
            for price, qty, _ in sides[f"{side}s"]:
                self.put(side, price, qty)

    def take(self, message: Any) -> None:
        for part in message[1:-2]:
            for side in part.keys() & self.sides.keys():
                for price, qty, _ in part[side]:
                    self.put(side, price, qty)
        text = "".join(self.text("a") + self.text("b"))
        assert crc32(text.encode()) == int(message[-3]["c"])
        self.verified += 1

    def put(self, side: str, price: str, qty: str) -> None:
        levels = self.sides[side]
        levels.pop(price, None)
        if Decimal(qty):
            levels[price] = qty
        for worse in self.prices(side)[DEPTH:]:
            del levels[worse]

    def prices(self, side: str) -> list[str]:
        return sorted(self.sides[side], key=Decimal, reverse=side == "b")

    def text(self, side: str) -> list[str]:
        levels = self.sides[side]
        return [digits(price) + digits(levels[price]) for price in self.prices(side)]


def digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")
