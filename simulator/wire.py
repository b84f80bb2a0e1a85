"""The bytes of book frames as Kraken writes them: its order of keys, its decimals, no spaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from websockets.frames import Frame, Opcode

from simulator.instruments import Instrument
from simulator.side import Level


def decimal_text(units: int, precision: int) -> str:
    """The decimal text of a number of 10**-precision units, with its trailing zeros."""
    if precision == 0:
        return str(units)
    digits = str(units).rjust(precision + 1, "0")
    return f"{digits[:-precision]}.{digits[-precision:]}"


def book_frame(
    kind: Literal["snapshot", "update"],
    instrument: Instrument,
    bids: Iterable[Level],
    asks: Iterable[Level],
    checksum: int,
    timestamp: str,
) -> str:
    """The text of a frame of the book channel."""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{instrument.symbol}",'
        f'"bids":[{_levels_text(bids, instrument)}],"asks":[{_levels_text(asks, instrument)}],'
        f'"checksum":{checksum},"timestamp":"{timestamp}"}}]}}'
    )


def _levels_text(levels: Iterable[Level], instrument: Instrument) -> str:
    price_digits, qty_digits = instrument.price_precision, instrument.qty_precision
    return ",".join(
        f'{{"price":{decimal_text(price, price_digits)},"qty":{decimal_text(lots, qty_digits)}}}'
        for price, lots in levels
    )


def pack(text: str) -> bytes:
    """A text as a WebSocket frame of a server, which is the same for every socket: unmasked."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def pack_binary(content: bytes) -> bytes:
    """Bytes as a binary WebSocket frame of a server."""
    return Frame(Opcode.BINARY, content).serialize(mask=False)
