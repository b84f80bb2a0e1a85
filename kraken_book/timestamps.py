"""Times as readers get them: RFC 3339, UTC, six decimals, `Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_OUR_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Frames that were read together have the same time.
@lru_cache(maxsize=8)
def rfc3339(nanoseconds: int) -> str:
    """Return a Unix time in nanoseconds as a text: 2026-08-02T03:35:51.660084Z."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    # Not strftime: its %Y writes a year before 1000 with fewer than four digits.
    return datetime.fromtimestamp(seconds, UTC).isoformat()[: len("2026-08-02T03:35:51")]


def parse_rfc3339(text: str) -> int:
    """Return the Unix time in nanoseconds (whole microseconds) of a text.

    Raises:
        ValueError: It is no such time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    delta = moment - _EPOCH
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def normalised(time: object) -> str | None:
    """Return a feed's time in our form; None if it is absent or senseless.

    A frame's time is passed on to readers and decides nothing, so a senseless one costs only
    itself. Senseless is what is no text, no moment, or no later than 1970, such as the zero times
    of Go (year 1) and of Unix.
    """
    if not isinstance(time, str):
        return None
    try:
        if _OUR_FORM.fullmatch(time):
            # As nearly all are: only that it is a time is left to see.
            _require_sensible_time(time[:-8])
            return time
        return rfc3339(_sensible(parse_rfc3339(time.upper())))
    except ValueError:
        return None


# Of all that comes in a second the beginning is the same.
@lru_cache(maxsize=8)
def _require_sensible_time(text: str) -> None:
    _sensible(parse_rfc3339(f"{text}Z"))


def _sensible(nanoseconds: int) -> int:
    if nanoseconds <= 0:
        raise ValueError("it is a zero time, or before every exchange")
    return nanoseconds
