"""The JSON of a symbol in `kraken:symbols`: what became of what was configured."""

from __future__ import annotations

from typing import Literal

import msgspec

SymbolStatus = Literal["asked", "syncing", "live", "refused"]


class SymbolState(msgspec.Struct, frozen=True):
    """A configured symbol: whether Kraken serves it, and its book's state.

    `asked` has no answer yet; `syncing` and `live` are acknowledged; `refused` has its reason.
    `pair_status` is the pair's own at Kraken, such as `online`; `resyncs` counts how often its
    collector has had to subscribe anew because it doubted the book.
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

    @property
    def acknowledged(self) -> bool:
        """Whether Kraken serves this symbol."""
        return self.status in ("syncing", "live")


def encode_symbol_state(state: SymbolState) -> bytes:
    """Return the value of the symbol's field."""
    return msgspec.json.encode(state)


_decoder = msgspec.json.Decoder(SymbolState)


def decode_symbol_state(data: bytes) -> SymbolState:
    """Return the state in a field's value.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _decoder.decode(data)
