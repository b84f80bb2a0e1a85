"""Numbers and times as text, and text as WebSocket frames, for every venue."""

from __future__ import annotations

import time
from functools import lru_cache

from websockets.frames import Frame, Opcode


def decimal_text(units: int, precision: int) -> str:
    """Return units of 10**-precision as a decimal with trailing zeros."""
    if precision == 0:
        return str(units)
    digits = str(units).rjust(precision + 1, "0")
    return f"{digits[:-precision]}.{digits[-precision:]}"


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def time_text(us: int) -> str:
    """Return microseconds since 1970 as RFC 3339 in UTC, with six decimals and `Z`."""
    seconds, fraction = divmod(us, 1_000_000)
    return f"{_second_text(seconds)}.{fraction:06d}Z"


def short_time_text(ns: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC, without trailing zeros, as Go writes it."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    decimals = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{_second_text(seconds)}{decimals}Z"


# Successive frames mostly have the same second.
@lru_cache(maxsize=16)
def _second_text(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def pack(text: str) -> bytes:
    """Return a text as an unmasked WebSocket frame, which all sockets can share."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def pack_binary(content: bytes) -> bytes:
    """Return bytes as a binary WebSocket frame."""
    return Frame(Opcode.BINARY, content).serialize(mask=False)
