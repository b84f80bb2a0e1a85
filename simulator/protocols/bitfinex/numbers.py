"""Numbers as JavaScript writes them: ECMAScript's `Number::toString` of exact decimals."""

from __future__ import annotations

_MOST_DIGITS_BEFORE_POINT = 21
_MOST_ZEROS_BEHIND_POINT = 6


def javascript_text(units: int, precision: int) -> str:
    """Return units of 10**-precision as JavaScript does, such as 63381, 0.1 or 1.234e-7.

    The number must have at most 15 significant digits, so that its shortest text has its digits.
    """
    if units == 0:
        return "0"
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rstrip("0")
    # The number is 0.digits times ten to this power.
    point = len(str(abs(units))) - precision
    if len(digits) <= point <= _MOST_DIGITS_BEFORE_POINT:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    if 0 < point <= _MOST_DIGITS_BEFORE_POINT:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -_MOST_ZEROS_BEHIND_POINT < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{sign}{mantissa}e{point - 1:+d}"
