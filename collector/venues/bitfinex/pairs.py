"""Bitfinex's list of pairs, and the precision of a book."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from collector.venues.sequenced.protocol import BookMessage, TextLevels, VenuePair
from kraken_book.precision import Precision

NAME = "bitfinex"
PATH = "/v2/conf/pub:list:pair:exchange"
QTY_DECIMALS = 8
# Prices have five significant digits, not a number of decimals
# (https://docs.bitfinex.com/docs/introduction#price-precision).
SIGNIFICANT_DIGITS = 5
MAX_DECIMALS = 20
# Until a snapshot has come.
_UNKNOWN = Precision(SIGNIFICANT_DIGITS, QTY_DECIMALS)
# Pairs without a colon have two names of three letters.
_SHORT = 6
_TEST = "TEST"

_levels = msgspec.json.Decoder(list[tuple[msgspec.Raw, int, msgspec.Raw]])
_lists = msgspec.json.Decoder(list[list[str]])


def decode_pairs(body: bytes) -> list[VenuePair]:
    """Return the pairs in an answer; a ValueError is raised if it is no list of pairs."""
    return [_pair(name) for names in _lists.decode(body)[:1] for name in names]


def book_path(name: str) -> str:
    """Return the path of a pair's present book."""
    return f"/v2/book/{name}/P0?len=25"


def decode_book(body: bytes) -> tuple[TextLevels, TextLevels]:
    """Return the bids and asks in an answer; a ValueError is raised if it has none."""
    levels = [
        (bytes(price).decode(), bytes(amount).decode()) for price, _, amount in _levels.decode(body)
    ]
    bids = [(price, amount) for price, amount in levels if not amount.startswith("-")]
    asks = [(price, amount[1:]) for price, amount in levels if amount.startswith("-")]
    return bids, asks


def precision_of(_pair: VenuePair, snapshot: BookMessage) -> Precision | None:
    """Return the precision that the prices of a snapshot need; None if one is no price.

    The lowest price has the most decimals. If a later price has more, the book is resynced.
    """
    try:
        prices = [Decimal(price) for price, _ in (*snapshot.bids, *snapshot.asks)]
    except InvalidOperation:
        return None
    positive = [price for price in prices if price.is_finite() and price > 0]
    if not positive:
        return _UNKNOWN
    seen = max(-int(price.normalize().as_tuple().exponent) for price in positive)
    by_digits = SIGNIFICANT_DIGITS - 1 - min(positive).adjusted()
    return Precision(min(max(0, seen, by_digits), MAX_DECIMALS), QTY_DECIMALS)


def _pair(name: str) -> VenuePair:
    base, colon, quote = name.partition(":")
    if not colon:
        base, quote = name[: _SHORT // 2], name[_SHORT // 2 :]
    is_test = base.startswith(_TEST)
    return VenuePair(
        symbol=f"{base}/{quote}",
        name=f"t{name}",
        precision=_UNKNOWN,
        status="test" if is_test else "online",
        is_traded=not is_test,
    )
