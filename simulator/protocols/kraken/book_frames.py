"""The text of Kraken's book frames, byte for byte: decimals, checksum, order of keys."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Literal
from zlib import crc32

from simulator.market.instrument import Level, SimulatedInstrument
from simulator.wire import decimal_text

CHECKSUM_LEVELS = 10


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
