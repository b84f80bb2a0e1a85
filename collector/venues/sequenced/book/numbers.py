"""Read the numbers of venues that pad, cut or abbreviate their decimals."""

from __future__ import annotations

from collector.venues.sequenced.book.faults import TooManyDecimals
from kraken_book.errors import LevelError
from kraken_book.precision import Precision, at_precision, plain_decimals, units_of
from kraken_book.timestamps import rfc3339


def fixed_text(text: str, decimals: int) -> str:
    """Return a number with exactly `decimals` decimals: zeros are added, or cut.

    A ValueError is raised if the text is no number, or if a digit other than zero would be cut.
    """
    whole, _, fraction = text.partition(".")
    missing = decimals - len(fraction)
    fixed = text
    if missing > 0:
        fixed = f"{whole}.{fraction}{'0' * missing}"
    elif missing < 0 and not fraction[decimals:].strip("0"):
        fixed = f"{whole}.{fraction[:decimals]}" if decimals else whole
    return fixed if plain_decimals(decimals)(fixed) else at_precision(text, decimals)


def time_text(nanoseconds: int) -> str | None:
    """Return a venue's Unix time in RFC 3339; None if it is no time that can be written."""
    try:
        return rfc3339(nanoseconds) if nanoseconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def read_level(price: str, qty: str, precision: Precision) -> tuple[int, str]:
    """Return a level as price in ticks and quantity text; an empty text removes the price.

    Raises:
        LevelError: A text is no number, or the price is zero.
        TooManyDecimals: A number has more decimals than the precision.
    """
    try:
        ticks = units_of(fixed_text(price, precision.price))
        qty = fixed_text(qty, precision.qty)
    except ValueError as error:
        what = f"level {price[:40]!r} {qty[:40]!r}: {error}"
        if "decimals" in str(error):
            raise TooManyDecimals(what) from None
        raise LevelError(what) from None
    if not ticks:
        raise LevelError(f"level {price[:40]!r} {qty[:40]!r}: the price is zero")
    return ticks, qty if qty.strip("0.") else ""
