"""Timestamps in the form of the contract: RFC 3339, UTC, six decimals, `Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

__all__ = ["normalised", "parse_rfc3339", "rfc3339"]

_OUR_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Frames that were read together share one time.
@lru_cache(maxsize=8)
def rfc3339(nanoseconds: int) -> str:
    """Return a Unix time in nanoseconds as a text such as 2026-08-02T03:35:51.660084Z."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    # strftime's %Y would write a year before 1000 with fewer than four digits.
    return datetime.fromtimestamp(seconds, UTC).isoformat()[: len("2026-08-02T03:35:51")]


def parse_rfc3339(text: str) -> int:
    """Return the Unix time of a text in nanoseconds, truncated to microseconds.

    Raises:
        ValueError: The text is not an RFC 3339 time with a time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    delta = moment - _EPOCH
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def normalised(time: object) -> str | None:
    """Return a venue's time in the contract's form, None if it is absent or implausible.

    A frame's time is only passed on to readers, so an implausible time does not invalidate the
    frame. A time is implausible if it is not a text, not a time, or not after 1970, as the zero
    times of Go (year 1) and Unix are.
    """
    if not isinstance(time, str):
        return None
    try:
        if _OUR_FORM.fullmatch(time):
            # Nearly all times have this form; only their values remain to be checked.
            _require_plausible_second(time[:-8])
            return time
        return rfc3339(_plausible(parse_rfc3339(time.upper())))
    except ValueError:
        return None


# All times of one second share the text up to the decimals.
@lru_cache(maxsize=8)
def _require_plausible_second(text: str) -> None:
    _plausible(parse_rfc3339(f"{text}Z"))


def _plausible(nanoseconds: int) -> int:
    if nanoseconds <= 0:
        raise ValueError("the time is a zero time or before 1970")
    return nanoseconds
