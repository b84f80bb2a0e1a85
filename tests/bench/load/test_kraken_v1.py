"""Frames of Kraken's v1 have the levels and checksums of the v2 frames that they are made of."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from zlib import crc32

from bench.load.flood import Flood, symbols_of
from bench.load.kraken_v1 import frame_of
from simulator.wire import pack

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


def test_frame_with_both_sides_has_its_checksum_in_the_second_part() -> None:
    frame = frame_of(v2("update", level("9.50", "1.0"), level("10.10", "2.0")))

    _, asks, bids, channel, pair = message_of(frame)

    assert (channel, pair) == ("book-10", "BTC/USD")
    assert [row[:2] for row in asks["a"]] == [["10.10", "2.0"]]
    assert [row[:2] for row in bids["b"]] == [["9.50", "1.0"]]
    assert "c" not in asks
    assert bids["c"] == "123"


def test_frame_leaves_out_side_without_change() -> None:
    _, bids, *_ = message_of(frame_of(v2("update", level("9.50", "1.0"), "")))

    assert bids.keys() == {"b", "c"}


def test_frames_verify_in_book_that_is_truncated_after_each_level() -> None:
    flood = Flood(symbols_of(2), 3000)
    books = {
        symbol: TruncatingBook(message_of(flood.snapshot_v1(symbol))) for symbol in flood.books
    }

    for symbol, frame in flood.v1:
        books[symbol].apply(message_of(frame))

    assert sum(book.verified for book in books.values()) == len(flood.v1) > 500


class TruncatingBook:
    """A book that is truncated after every level, as cryptofeed's."""

    def __init__(self, snapshot: Any) -> None:
        _, sides, *_ = snapshot
        self.sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}
        self.verified = 0
        for side in self.sides:
            for price, qty, _ in sides[f"{side}s"]:
                self.put(side, price, qty)

    def apply(self, message: Any) -> None:
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
