"""The arguments that the client's functions share: symbols, time limits and attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kraken_book.errors import Unusable
from kraken_book.printable import printable

__all__ = [
    "ALL",
    "MAX_SECONDS",
    "checked_attempts",
    "checked_limit",
    "checked_seconds",
    "requested_names",
    "split_names",
]

ALL = "*"
"""The name of every symbol."""
MAX_SHOWN = 60
MAX_SECONDS = 86_400
MAX_ATTEMPTS = 1_000
_SEVERAL = "get_books() returns the books of a list of symbols, or of '*' for all"


def requested_names(
    symbols: Iterable[str | Iterable[str]], most: int | None = None
) -> tuple[str, ...]:
    """Return the names in the arguments of a call, in order and without duplicates.

    Args:
        symbols: Names, lists of names, and texts with several names separated by commas.
        most: The number of names at most, none of which may be `*` then; None is no limit.

    Raises:
        Unusable: There is no name, there are too many, or a name cannot be a symbol.
    """
    parts = split_names(symbols)
    if not parts or not all(parts):
        every = "" if most == 1 else ", or '*' for all"
        raise Unusable(f"name at least one symbol such as BTC/USD{every}")
    for part in parts:
        # As a path, `..` would lead elsewhere.
        if not set(part) - set("./"):
            raise Unusable(f"{part[:MAX_SHOWN]!r} is no symbol: use a name such as BTC/USD")
        if part.startswith("!") or ("*" in part and part != ALL):
            raise Unusable(_pattern_words(part, most))
    if most is not None and (len(parts) > most or ALL in parts):
        shown = printable(", ".join(parts), MAX_SHOWN)
        raise Unusable(f"{shown}: name one symbol such as BTC/USD; {_SEVERAL}")
    return tuple(dict.fromkeys(parts))


def split_names(symbols: Iterable[str | Iterable[str]]) -> list[str]:
    """Return each name or pattern in the arguments of a call; TypeError if one is not a text.

    Args:
        symbols: Names, lists of names, and texts with several names separated by commas.
    """
    names: list[str] = []
    for given in symbols:
        is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
        names += [_name(each) for each in given] if is_list else [_name(given)]
    # One text may contain several names, as in the query of a stream.
    return [part.strip() for name in names for part in name.split(",")]


def _pattern_words(pattern: str, most: int | None) -> str:
    shown = printable(repr(pattern), MAX_SHOWN)
    if most == 1:
        return f"{shown} is a pattern, not one symbol such as BTC/USD: {_SEVERAL}"
    return (
        f"{shown} is a pattern, which is not accepted here: choose from get_symbols(), or use '*'"
        " for all"
    )


def _name(given: object) -> str:
    if isinstance(given, str):
        return given
    shown = printable(repr(given), MAX_SHOWN)
    raise TypeError(
        f"{shown} is of type {type(given).__name__}, not a symbol: pass names such as 'BTC/USD' as"
        " arguments, or a list of them"
    )


def checked_seconds(timeout: float, argument: str = "timeout") -> float:
    """Return a time limit in seconds.

    Args:
        timeout: The value of the argument.
        argument: The name of the argument, for the message.

    Raises:
        Unusable: It is not a number above 0 and at most a day.
    """
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if is_number and 0 < timeout <= MAX_SECONDS:
        return timeout
    shown = printable(repr(timeout)[:MAX_SHOWN])
    raise Unusable(f"{argument}={shown}: use seconds above 0, at most {MAX_SECONDS}, such as 10")


def checked_limit(seconds: float | None, argument: str) -> float | None:
    """Return a time limit as `checked_seconds`, or None, which is no limit."""
    if seconds is None:
        return None
    try:
        return checked_seconds(seconds, argument)
    except Unusable as error:
        raise Unusable(f"{error}, or None for no limit") from None


def checked_attempts(attempts: int) -> int:
    """Return a number of attempts.

    Raises:
        Unusable: It is not a whole number from 1 to 1,000.
    """
    is_whole = isinstance(attempts, int) and not isinstance(attempts, bool)
    if is_whole and 1 <= attempts <= MAX_ATTEMPTS:
        return attempts
    shown = printable(repr(attempts)[:MAX_SHOWN])
    raise Unusable(f"attempts={shown}: use a whole number from 1 to {MAX_ATTEMPTS}, such as 3")
