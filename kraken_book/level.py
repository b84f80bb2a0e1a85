"""One price of one side, with every text that will be asked of it.

A level is rendered when it arrives and read many times after: by each checksum while it is among
the best ten, by its event, and each time that the whole book is written.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from kraken_book.errors import LevelError
from kraken_book.precision import Precision, at_precision, units_of


class Level(msgspec.Struct, frozen=True, gc=False):
    """A price and the quantity offered there; a quantity of zero removes the price."""

    ticks: int
    price: str
    qty: str
    checksum_text: str
    """The ticks, then the lots, in decimal: the level's part of the checksummed text.

    Empty where the quantity is zero.
    """
    json: str
    """`["price","qty"]`, as in events and in the hash."""

    @property
    def lots(self) -> int:
        """The quantity in its smallest unit."""
        return units_of(self.qty)


class Best(msgspec.Struct, frozen=True, gc=False):
    """The best level of a side."""

    price: str
    qty: str


def make_level(price: str, qty: str, precision: Precision) -> Level:
    """Return the level of the texts of a frame or an event.

    Args:
        price: The price as a decimal.
        qty: The quantity as a decimal; zero removes the price.
        precision: The symbol's precision.

    Raises:
        LevelError: A text is no number or does not fit the precision, or the price is zero.
    """
    try:
        texts = at_precision(price, precision.price), at_precision(qty, precision.qty)
    except ValueError as error:
        raise LevelError(f"level {price[:40]!r} {qty[:40]!r}: {error}") from None
    return level_of(*texts)


def level_of(price: str, qty: str) -> Level:
    """Return the level of texts that have exactly the decimals of their symbol.

    Raises:
        LevelError: The price is zero.
    """
    ticks, price, digits, json = _price(price)
    if not ticks:
        raise LevelError(f"level {price!r} {qty!r}: the price is zero")
    lots = qty.replace(".", "").lstrip("0")
    return Level(ticks, price, qty, digits + lots if lots else "", f'{json}{qty}"]')


def top_json(bid: Level | Best | None, ask: Level | Best | None, spread: str | None) -> str:
    """Return the best of both sides and the spread as members of an event's JSON."""
    quoted = "null" if spread is None else f'"{spread}"'
    return f'"best_bid":{_best_json(bid)},"best_ask":{_best_json(ask)},"spread":{quoted}'


def _best_json(best: Level | Best | None) -> str:
    return "null" if best is None else f'{{"price":"{best.price}","qty":"{best.qty}"}}'


# Most prices come again and again: found so in 0.1 us instead of 1. Some 12 MB at most.
@lru_cache(maxsize=1 << 15)
def _price(price: str) -> tuple[int, str, str, str]:
    """Ticks; the text, which all levels there share; ticks in decimal; how the JSON begins."""
    ticks = units_of(price)
    return ticks, price, str(ticks), f'["{price}","'
