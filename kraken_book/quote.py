"""Figures of a book, calculated exactly: the quote of a market order, mid, microprice, imbalance.

The functions take levels as pairs of price and quantity, best first: `Level`s of a book, or pairs
of texts as in `/depth`. Sums and products are exact. Quotients (average, microprice, imbalance) are
rounded half to even to 28 significant digits. No figure is a binary float.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from itertools import islice
from typing import Literal, NamedTuple, TypeAlias

from kraken_book.errors import Unusable
from kraken_book.field_help import with_field_help
from kraken_book.precision import MAX_TEXT
from kraken_book.printable import printable

__all__ = [
    "MAX_SHOWN",
    "QUOTIENT_DIGITS",
    "OrderSide",
    "Pair",
    "Quantity",
    "Quote",
    "imbalance",
    "microprice",
    "mid",
    "parse_levels",
    "parse_order_side",
    "parse_quantity",
    "plain",
    "quote",
]

OrderSide: TypeAlias = Literal["buy", "sell"]
Quantity: TypeAlias = Decimal | int | float | str
Pair: TypeAlias = Iterable[str]
"""A `Level`, or a price and a quantity as texts."""

QUOTIENT_DIGITS = 28
MAX_SHOWN = 60
# Factors have at most 40 digits and 40 decimals, so the sum of a book's products has fewer than 200
# digits. The trap proves it.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_QUOTIENT = Context(prec=QUOTIENT_DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
# Decimal also accepts spaces, underscores and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_HALF = Decimal("0.5")
_ZERO = Decimal(0)


@with_field_help
class Quote(NamedTuple):
    """The result of a market order at the levels of a book, without fees.

    Attributes:
        side: `buy` takes asks, `sell` takes bids.
        qty: The quantity that was asked for.
        filled: The part of `qty` for which the book has levels.
        unfilled: The rest. The venue may have more levels than the book's depth.
        total: The sum of price times quantity over `filled`, exact.
        average: `total` divided by `filled`, to 28 significant digits; None if nothing is filled.
        worst: The price of the last level that is used; None if nothing is filled.
    """

    side: OrderSide
    qty: Decimal
    filled: Decimal
    unfilled: Decimal
    total: Decimal
    average: Decimal | None
    worst: Decimal | None

    def __repr__(self) -> str:
        """Return the figures in one line, with the word `partial` if a part is unfilled."""
        order = f"{self.side} {plain(self.qty)}"
        if self.average is None or self.worst is None:
            return f"<Quote {order}: nothing filled>"
        part = ""
        if self.unfilled:
            part = f" partial: {plain(self.filled)} filled, {plain(self.unfilled)} unfilled,"
        prices = f"average {plain(self.average)} worst {plain(self.worst)}"
        return f"<Quote {order}{part} total {plain(self.total)} {prices}>"

    @property
    def is_filled(self) -> bool:
        """Whether the book has the whole quantity."""
        return not self.unfilled

    def to_dict(self) -> dict[str, str | None]:
        """Return the members with numbers as plain decimal texts, for JSON."""
        return {
            name: value if value is None or isinstance(value, str) else plain(value)
            for name, value in self._asdict().items()
        }


def quote(side: OrderSide, qty: Quantity, *, bids: Iterable[Pair], asks: Iterable[Pair]) -> Quote:
    """Return the quote of a market order: take levels from the best one until `qty` is filled.

    Args:
        side: `buy` or `sell`.
        qty: The quantity, in units of the base currency: see `parse_quantity`.
        bids: The bids, highest first.
        asks: The asks, lowest first.

    An invalid `side` or `qty` raises Unusable.
    """
    side, wanted = parse_order_side(side), parse_quantity(qty)
    left, total, worst = wanted, _ZERO, None
    for price_text, qty_text in asks if side == "buy" else bids:
        price, taken = Decimal(price_text), min(left, Decimal(qty_text))
        total = _EXACT.add(total, _EXACT.multiply(price, taken))
        left, worst = _EXACT.subtract(left, taken), price
        if not left:
            break
    filled = _EXACT.subtract(wanted, left)
    average = _QUOTIENT.divide(total, filled) if filled else None
    return Quote(side, wanted, filled, left, total, average, worst)


def mid(bid: Pair | None, ask: Pair | None) -> Decimal | None:
    """Return the middle of the best bid and the best ask, exact; None without one of them."""
    if bid is None or ask is None:
        return None
    (bid_price, _), (ask_price, _) = _numbers(bid), _numbers(ask)
    return _EXACT.multiply(_EXACT.add(bid_price, ask_price), _HALF)


def microprice(bid: Pair | None, ask: Pair | None) -> Decimal | None:
    """Return the best prices, each weighted with the quantity of the other side.

    It is nearer to the side with less quantity. None is returned without a bid or an ask.
    """
    if bid is None or ask is None:
        return None
    (bid_price, bid_qty), (ask_price, ask_qty) = _numbers(bid), _numbers(ask)
    weighted = _EXACT.add(_EXACT.multiply(bid_price, ask_qty), _EXACT.multiply(ask_price, bid_qty))
    return _QUOTIENT.divide(weighted, _EXACT.add(bid_qty, ask_qty))


def imbalance(levels: int, *, bids: Iterable[Pair], asks: Iterable[Pair]) -> Decimal | None:
    """Return the imbalance of the best levels: (bids - asks) / (bids + asks), by quantity.

    Args:
        levels: The number of levels of each side that count.
        bids: The bids, highest first.
        asks: The asks, lowest first.

    Returns:
        A number from -1 (only asks) to 1 (only bids); None if both sides are empty.

    If `levels` is not a whole number above 0, Unusable is raised.
    """
    count = parse_levels(levels)
    bid_qty, ask_qty = _sum(islice(bids, count)), _sum(islice(asks, count))
    both = _EXACT.add(bid_qty, ask_qty)
    return _QUOTIENT.divide(_EXACT.subtract(bid_qty, ask_qty), both) if both else None


def parse_order_side(side: object) -> OrderSide:
    """Return `buy` or `sell`; any other value raises Unusable."""
    if side == "buy":
        return "buy"
    if side == "sell":
        return "sell"
    raise Unusable(f"{_shown(side)} is no side: use 'buy' (takes asks) or 'sell' (takes bids)")


def parse_quantity(qty: object) -> Decimal:
    """Return a quantity as an exact Decimal above 0.

    A float counts as the shortest decimal that means it, as Python prints it: 0.1 is 0.1.

    Args:
        qty: A Decimal, an int, a float, or a text such as `1.5`.

    Raises:
        Unusable: It is none of these, not above 0, or has more than 40 digits or decimals.
    """
    value = _decimal(qty)
    if value is None or not value.is_finite():
        raise Unusable(f"{_shown(qty)} is no quantity: use a number such as '1.5'")
    if value <= 0:
        raise Unusable(f"{_shown(qty)} is not above 0: use a quantity such as '1.5'")
    # Also bounds 1e999999, which has one digit but would have a million in a sum.
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "it is finite"
    if value.adjusted() >= MAX_TEXT or exponent < -MAX_TEXT:
        raise Unusable(
            f"{_shown(qty)} has more than {MAX_TEXT} digits or decimals: use a quantity such as"
            " '1.5'"
        )
    return value


def parse_levels(levels: object) -> int:
    """Return a number of levels; Unusable is raised if it is not a whole number above 0."""
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
        raise Unusable(f"{_shown(levels)} levels: use a whole number above 0")
    return levels


def plain(number: Decimal) -> str:
    """Return a number without an exponent, unlike `str`, which writes 1.2E-8."""
    return format(number, "f")


def _decimal(qty: object) -> Decimal | None:
    if isinstance(qty, Decimal):
        return qty
    if isinstance(qty, float):
        return Decimal(float.__repr__(qty))
    if isinstance(qty, int) and not isinstance(qty, bool):
        return Decimal(qty)
    is_number = isinstance(qty, str) and len(qty) <= MAX_SHOWN and _NUMBER.fullmatch(qty)
    return Decimal(qty) if isinstance(qty, str) and is_number else None


def _numbers(pair: Pair) -> tuple[Decimal, Decimal]:
    price, qty = pair
    return Decimal(price), Decimal(qty)


def _sum(levels: Iterable[Pair]) -> Decimal:
    total = _ZERO
    for _, qty in levels:
        total = _EXACT.add(total, Decimal(qty))
    return total


def _shown(value: object) -> str:
    # The text of an int or a Decimal can have any length; that of a long int is even an error.
    is_long = (isinstance(value, int) and value.bit_length() > 4 * MAX_SHOWN) or (
        isinstance(value, Decimal) and len(value.as_tuple().digits) > MAX_SHOWN
    )
    is_number = isinstance(value, str | float | int | Decimal)
    text = repr(value) if is_number and not is_long else f"a value of type {type(value).__name__}"
    return printable(text, MAX_SHOWN)
