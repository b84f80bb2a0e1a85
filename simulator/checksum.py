"""Kraken's checksum of a book, written from its description and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from zlib import crc32

from simulator.side import Level

LEVELS = 10


def checksum(asks: Iterable[Level], bids: Iterable[Level]) -> int:
    """CRC-32 over the ten best asks, then the ten best bids, each given best first.

    A level's text is its ticks followed by its lots: what remains of the decimal texts once the
    point and the leading zeros are gone.
    """
    texts = [f"{price}{lots}" for price, lots in islice(asks, LEVELS)]
    texts += [f"{price}{lots}" for price, lots in islice(bids, LEVELS)]
    return crc32("".join(texts).encode())
