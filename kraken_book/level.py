"""One price of one side, with every text that it will be asked for.

A level is rendered when it arrives and read many times after: by each checksum while it stands
among the best ten, by its event, by each writing of the whole book.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from kraken_book.precision import Precision, exact


class LevelError(ValueError):
    """A level that makes no sense at its symbol's precision; the message says why."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """A price and the quantity offered there; a quantity of zero removes the price."""

    ticks: int
    lots: int
    price: str
    qty: str
    checksum_text: str
    """What the level adds to the checksummed text: the ticks, then the lots, in decimal."""
    json: str
    """`["price","qty"]`, as in events and in the hash."""


def make_level(price: str, qty: str, precision: Precision) -> Level:
    """The level that Kraken, or an event, says with the texts `price` and `qty`.

    Raises LevelError where one is no number, does not fit the precision, or the price is zero.
    """
    price_precision, qty_precision = precision
    try:
        ticks, price_text, price_digits = _price(price, price_precision)
        lots, qty_text, qty_digits = exact(qty, qty_precision)
    except ValueError as error:
        raise LevelError(f"level {price[:40]!r} {qty[:40]!r}: {error}") from None
    if not ticks:
        raise LevelError(f"level {price!r} {qty!r}: the price is zero")
    return Level(
        ticks,
        lots,
        price_text,
        qty_text,
        price_digits + qty_digits,
        f'["{price_text}","{qty_text}"]',
    )


# Most prices come again and again: found so in 0.1 us instead of 1. Some 8 MB at most.
_price = lru_cache(maxsize=1 << 15)(exact)
