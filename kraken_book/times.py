"""Times as readers get them: RFC 3339, UTC, six decimals, `Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_OUR_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Frames that were read together are told with the same time.
@lru_cache(maxsize=8)
def rfc3339(nanoseconds: int) -> str:
    """The text of a Unix time in nanoseconds: 2026-08-02T03:35:51.660084Z."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def parse_rfc3339(text: str) -> int:
    """The Unix time in nanoseconds (whole microseconds); raises ValueError where it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    delta = moment - _EPOCH
    return ((delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def normalised(text: str | None) -> str | None:
    """A time of the feed's in our form; None where it is absent or no time.

    A frame's time is told to readers and decides nothing, so a senseless one costs only itself.
    """
    if text is None:
        return None
    try:
        if _OUR_FORM.fullmatch(text):
            # As nearly all are: only that it is a time is left to see.
            _require_time(text[:-8])
            return text
        return rfc3339(parse_rfc3339(text))
    except ValueError:
        return None


# Of all that comes in a second the beginning is the same.
@lru_cache(maxsize=8)
def _require_time(text: str) -> None:
    datetime.fromisoformat(text)
