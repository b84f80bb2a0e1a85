"""One price of one side, with its texts rendered in advance.

A level is rendered once, when it arrives. Its texts are read many times: by each checksum while the
level is among the best ten, by its event, and by every write of the whole book.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from kraken_book.errors import LevelError
from kraken_book.precision import Precision, at_precision, units_of

__all__ = ["Best", "Level", "level_of", "make_level", "top_json"]


class Level(msgspec.Struct, frozen=True, gc=False):
    """A price and the quantity that is offered there; a quantity of zero removes the price."""

    ticks: int
    price: str
    qty: str
    checksum_text: str
    """The level's part of the checksummed text: its ticks, then its lots, in decimal.

    Empty if the quantity is zero.
    """
    json: str
    """`["price","qty"]`, as in events and in the hash."""

    def __iter__(self) -> Iterator[str]:
        """Yield the price and the quantity, so that `price, qty = level` works."""
        yield self.price
        yield self.qty

    @property
    def lots(self) -> int:
        """The quantity in the symbol's smallest unit."""
        return units_of(self.qty)


class Best(msgspec.Struct, frozen=True, gc=False):
    """The best level of a side."""

    price: str
    qty: str

    def __iter__(self) -> Iterator[str]:
        """Yield the price and the quantity, so that `price, qty = best` works."""
        yield self.price
        yield self.qty


def make_level(price: str, qty: str, precision: Precision) -> Level:
    """Return the level with the price and quantity texts of a frame or an event.

    Args:
        price: The price as a decimal.
        qty: The quantity as a decimal; zero removes the price.
        precision: The symbol's precision.

    Raises:
        LevelError: A text is not a number, has too many decimals, or the price is zero.
    """
    try:
        texts = at_precision(price, precision.price), at_precision(qty, precision.qty)
    except ValueError as error:
        raise LevelError(f"level {price[:40]!r} {qty[:40]!r}: {error}") from None
    return level_of(*texts)


def level_of(price: str, qty: str) -> Level:
    """Return the level with texts that already have exactly the symbol's decimals.

    Raises:
        LevelError: The price is zero.
    """
    ticks, price, digits, json = _price(price)
    if not ticks:
        raise LevelError(f"level {price!r} {qty!r}: the price is zero")
    lots = qty.replace(".", "").lstrip("0")
    return Level(ticks, price, qty, digits + lots if lots else "", f'{json}{qty}"]')


def top_json(bid: Level | Best | None, ask: Level | Best | None, spread: str | None) -> str:
    """Return the best level of each side and the spread as members of an event's JSON."""
    quoted = "null" if spread is None else f'"{spread}"'
    return f'"best_bid":{_best_json(bid)},"best_ask":{_best_json(ask)},"spread":{quoted}'


def _best_json(best: Level | Best | None) -> str:
    return "null" if best is None else f'{{"price":"{best.price}","qty":"{best.qty}"}}'


# Most prices recur.
@lru_cache(maxsize=1 << 15)
def _price(price: str) -> tuple[int, str, str, str]:
    """Return the ticks, the price's text to share, the ticks in decimal, and the JSON's start."""
    ticks = units_of(price)
    return ticks, price, str(ticks), f'["{price}","'
