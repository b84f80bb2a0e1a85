"""The state of a configured symbol, as JSON in the hash `<venue>:symbols`."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["SymbolState", "SymbolStatus", "decode_symbol_state", "encode_symbol_state"]

SymbolStatus = Literal["asked", "syncing", "live", "refused"]


class SymbolState(msgspec.Struct, frozen=True):
    """A configured symbol: whether its venue serves it, and the state of its book.

    The status is `asked` until the venue answers, `syncing` or `live` after an acknowledgement, and
    `refused` after a refusal; `reason` is its cause. `pair_status` is the venue's status of the
    pair, such as `online`. `resyncs` counts how often the collector doubted the book and subscribed
    again. `proof` is how it proves the book, None in states of older collectors.
    """

    status: SymbolStatus
    reason: str | None
    source: str
    shard: str
    depth: int
    price_precision: int | None
    qty_precision: int | None
    pair_status: str | None = None
    resyncs: int = 0
    proof: str | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the venue serves this symbol."""
        return self.status in ("syncing", "live")


def encode_symbol_state(state: SymbolState) -> bytes:
    """Return the value of the symbol's field in the hash."""
    return msgspec.json.encode(state)


_decoder = msgspec.json.Decoder(SymbolState)


def decode_symbol_state(data: bytes) -> SymbolState:
    """Return the state in a field's value.

    Any other value raises `msgspec.DecodeError`.
    """
    return _decoder.decode(data)
