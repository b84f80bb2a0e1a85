"""The text of Kraken's book frames, byte for byte: decimals, times, checksum, order of keys."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Literal, TypeAlias
from zlib import crc32

from websockets.frames import Frame, Opcode

from simulator.protocol.instruments import SimulatedInstrument

Level: TypeAlias = tuple[int, int]
"""A price in ticks and a quantity in lots; zero lots remove the price."""
CHECKSUM_LEVELS = 10


def decimal_text(units: int, precision: int) -> str:
    """Return units of 10**-precision as a decimal with trailing zeros."""
    if precision == 0:
        return str(units)
    digits = str(units).rjust(precision + 1, "0")
    return f"{digits[:-precision]}.{digits[-precision:]}"


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def time_text(us: int) -> str:
    """Return microseconds since 1970 as RFC 3339 in UTC, with six decimals and `Z`."""
    seconds, fraction = divmod(us, 1_000_000)
    return f"{_second_text(seconds)}.{fraction:06d}Z"


# Successive frames mostly have the same second.
@lru_cache(maxsize=16)
def _second_text(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def checksum(asks: Iterable[Level], bids: Iterable[Level]) -> int:
    """Return the CRC-32 of the ten best asks, then the ten best bids.

    The code follows Kraken's description and nothing else. The text of a level is its ticks and its
    lots, which equals both decimal texts without the point and leading zeros.

    Args:
        asks: The asks, best first: at least the best ten, or all.
        bids: The bids, best first: at least the best ten, or all.

    """
    texts = [f"{price}{lots}" for price, lots in islice(asks, CHECKSUM_LEVELS)]
    texts += [f"{price}{lots}" for price, lots in islice(bids, CHECKSUM_LEVELS)]
    return crc32("".join(texts).encode())


def book_frame(
    kind: Literal["snapshot", "update"],
    instrument: SimulatedInstrument,
    bids: Iterable[Level],
    asks: Iterable[Level],
    checksum: int,
    timestamp: str,
) -> str:
    """Return the text of a frame of the book channel."""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{instrument.symbol}",'
        f'"bids":[{_levels_text(bids, instrument)}],"asks":[{_levels_text(asks, instrument)}],'
        f'"checksum":{checksum},"timestamp":"{timestamp}"}}]}}'
    )


def _levels_text(levels: Iterable[Level], instrument: SimulatedInstrument) -> str:
    price_digits, qty_digits = instrument.price_precision, instrument.qty_precision
    return ",".join(
        f'{{"price":{decimal_text(price, price_digits)},"qty":{decimal_text(lots, qty_digits)}}}'
        for price, lots in levels
    )


def pack(text: str) -> bytes:
    """Return a text as an unmasked WebSocket frame, which all sockets can share."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def pack_binary(content: bytes) -> bytes:
    """Return bytes as a binary WebSocket frame."""
    return Frame(Opcode.BINARY, content).serialize(mask=False)
