"""The best prices of a pair over all venues, in an answer of `/best`."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.depth import require_symbol
from kraken_book.client.fetch import Answer
from kraken_book.level import Best
from kraken_book.symbols import split_venue

__all__ = ["BestPrices", "VenueLevel", "VenuePrices", "best_path", "read_best"]


class VenueLevel(msgspec.Struct, frozen=True):
    """A best level of a pair, and the venue that has it.

    Attributes:
        venue: The name of the venue.
        symbol: The pair's symbol at the venue.
        price: The price as a text with all decimals of the venue.
        qty: The quantity as a text.
    """

    venue: str
    symbol: str
    price: str
    qty: str


class VenuePrices(msgspec.Struct, frozen=True, kw_only=True):
    """The book of a pair at one venue in short.

    Attributes:
        venue: The name of the venue.
        symbol: The pair's symbol at the venue.
        status: `live`, `stale`, `syncing`, `asked` or `refused`.
        reason: The reason of the status, None if there is none.
        source: The venue's name, `simulated` or `replay`.
        proof: How the collector proves the book: `checksum`, `sequence` or `sequence+checksum`;
            None if it is unknown.
        age_ms: Milliseconds for which the book was not confirmed; None if it is unknown.
        best_bid: The price and the quantity of the highest bid, None if there is none.
        best_ask: The same of the lowest ask.
        spread: The best ask minus the best bid, None without one of them.
        seq: The number of the last event of the book, None if there is no book.
    """

    venue: str
    symbol: str
    status: Literal["live", "stale", "syncing", "asked", "refused"]
    reason: str | None
    source: str
    proof: str | None
    age_ms: int | None
    best_bid: Best | None
    best_ask: Best | None
    spread: str | None
    seq: int | None


class BestPrices(msgspec.Struct, frozen=True, kw_only=True):
    """The best prices of a pair over the venues whose book is live.

    The api has verified the books; the levels behind these prices are in `get_book`.

    Attributes:
        pair: The pair, such as `BTC/USD`.
        bid: The highest bid; None if no live book has one.
        ask: The lowest ask; None if no live book has one.
        spread: The ask minus the bid, exact: negative if the bid is higher; None without one.
        is_crossed: Whether the bid is not below the ask.
        venues: The book at each venue that has the pair, Kraken first, whatever its status.
    """

    pair: str
    bid: VenueLevel | None
    ask: VenueLevel | None
    spread: str | None
    is_crossed: bool
    venues: tuple[VenuePrices, ...]


class _Best(msgspec.Struct):
    bid: VenueLevel | None
    ask: VenueLevel | None
    spread: str | None
    is_crossed: bool


class _Answer(msgspec.Struct):
    pair: str
    best: _Best
    venues: tuple[VenuePrices, ...]


_answer = msgspec.json.Decoder(_Answer)


def best_path(name: str) -> str:
    """Return the path of the best prices of a pair."""
    return f"/best/{quote(name, '')}"


def read_best(answer: Answer, address: ApiAddress, name: str) -> BestPrices:
    """Return the best prices in an answer of `/best`.

    An answer without them raises its error. If they are of another pair, BookInvalid is raised.

    Args:
        answer: The answer.
        address: The address of the api, for messages.
        name: The pair that was requested, in any spelling.
    """
    if answer.status != 200:
        raise answer.error(address)
    try:
        found = _answer.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise answer.error(address) from None
    require_symbol(split_venue(name)[1], found.pair)
    return BestPrices(
        pair=found.pair,
        bid=found.best.bid,
        ask=found.best.ask,
        spread=found.best.spread,
        is_crossed=found.best.is_crossed,
        venues=found.venues,
    )
