"""A frame of Kraken as text, and helpers to decode such texts and to change the order of keys."""

from __future__ import annotations

from typing import Any

from collector.venues.kraken.frames import Frame, decode_frame

BOOK = (
    '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":63381.0,'
    '"qty":0.00000000},{"price":63376.4,"qty":0.00005100}],"asks":[],"checksum":3726153463,'
    '"timestamp":"2026-08-02T03:35:51.660084Z"}]}'
)


def decode(text: str) -> Frame:
    """Return the decoded frame."""
    return decode_frame(text.encode())


def reversed_keys(value: Any) -> Any:
    """Return `value` with the keys of all its objects in reverse order."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value
