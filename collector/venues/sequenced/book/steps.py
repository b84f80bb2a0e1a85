"""The decimals of a venue's ticks and steps."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from kraken_book.precision import Precision

# More decimals than any venue has.
MAX_DECIMALS = 30


def decimals_of(step: str) -> int | None:
    """Return the decimals of a tick or step: 2 of `0.01` and of `0.05`, 0 of `1` and of `10`.

    None means that the text is no step.
    """
    try:
        value = Decimal(step)
    except InvalidOperation:
        return None
    if not value.is_finite() or value <= 0:
        return None
    decimals = -int(value.normalize().as_tuple().exponent)
    return max(0, decimals) if decimals <= MAX_DECIMALS else None


def precision_of_steps(price_step: str, qty_step: str) -> Precision | None:
    """Return the precision of a pair from its tick and its step; None if one is invalid."""
    price, qty = decimals_of(price_step), decimals_of(qty_step)
    return None if price is None or qty is None else Precision(price, qty)
