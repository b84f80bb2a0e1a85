"""The arguments that the client's functions share: symbols, times, limits and attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kraken_book.errors import Unusable
from kraken_book.printable import printable
from kraken_book.selection import Selection, is_wildcard, parse_wildcards
from kraken_book.timestamps import parse_rfc3339

__all__ = [
    "ALL",
    "MAX_SECONDS",
    "Time",
    "checked_attempts",
    "checked_limit",
    "checked_seconds",
    "checked_whole",
    "parse_time",
    "requested_names",
    "split_names",
    "wildcards_in",
]

Time = datetime | str
"""A time: a datetime with a time zone, or a text of RFC 3339."""
ALL = "*"
"""The name of every symbol."""
MAX_SHOWN = 60
MAX_MESSAGE = 300
MAX_SECONDS = 86_400
MAX_ATTEMPTS = 1_000
_SEVERAL = "get_books() returns the books of a list of symbols, or of '*' for all"


def requested_names(
    symbols: Iterable[str | Iterable[str]], most: int | None = None
) -> tuple[str, ...]:
    """Return the names in the arguments of a call, in order and without duplicates.

    Args:
        symbols: Names, wildcards and exclusions, lists of them, and texts with several separated by
            commas.
        most: The number of names at most, none of which may be a wildcard then; None is no limit.

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
        if most is not None and part != ALL and is_wildcard(part):
            raise Unusable(_pattern_words(part))
    wildcards_in(parts)
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


def wildcards_in(names: Iterable[str]) -> Selection | None:
    """Return the wildcards and exclusions of `names`, None if there are none.

    Raises:
        Unusable: One is invalid, or all are exclusions.
    """
    try:
        return parse_wildcards(names)
    except ValueError as error:
        raise Unusable(printable(str(error), MAX_MESSAGE)) from None


def _pattern_words(pattern: str) -> str:
    shown = printable(repr(pattern), MAX_SHOWN)
    return f"{shown} is a pattern, not one symbol such as BTC/USD: {_SEVERAL}"


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
    """Return a number of attempts; Unusable is raised if it is not from 1 to 1,000."""
    return checked_whole(attempts, "attempts", MAX_ATTEMPTS, 3)


def checked_whole(number: int, argument: str, most: int, example: int) -> int:
    """Return a whole number.

    Args:
        number: The value of the argument.
        argument: The name of the argument, for the message.
        most: The greatest value.
        example: A usual value.

    Raises:
        Unusable: It is not a whole number from 1 to `most`.
    """
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if is_whole and 1 <= number <= most:
        return number
    shown = printable(repr(number)[:MAX_SHOWN])
    raise Unusable(f"{argument}={shown}: use a whole number from 1 to {most}, such as {example}")


def parse_time(name: str, given: Time | None) -> int | None:
    """Return a time in Unix microseconds.

    Args:
        name: The argument, for the message.
        given: The time.

    Raises:
        Unusable: It is no time, or has no time zone.
    """
    if given is None:
        return None
    text = given.isoformat() if isinstance(given, datetime) else given
    try:
        return parse_rfc3339(text) // 1000
    except (TypeError, ValueError):
        raise Unusable(
            f"{name}={text!r}: use a time with a time zone, such as 2026-11-27T18:00:00Z"
        ) from None
