"""What differs between Bitfinex and other venues, as data."""

from __future__ import annotations

from functools import partial

from collector.venues.bitfinex.pairs import (
    NAME,
    PATH,
    book_path,
    decode_book,
    decode_pairs,
    precision_of,
)
from collector.venues.bitfinex.protocol import BitfinexProtocol
from collector.venues.sequenced.protocol import BookByRest, VenueTraits

# The numbers of levels that a book can be subscribed to with.
_LEVELS = (25, 100, 250)


def bitfinex_traits(depth: int) -> VenueTraits:
    """Return Bitfinex's traits for books of which `depth` levels of each side are published."""
    levels = next(levels for levels in _LEVELS if depth <= levels)
    return VenueTraits(
        name=NAME,
        proof="sequence+checksum",
        make_protocol=partial(BitfinexProtocol, levels),
        decode_pairs=decode_pairs,
        pairs_path=PATH,
        weight_per_minute=30,
        precision_of=precision_of,
        book=BookByRest(book_path, decode_book),
        max_together=1,
        requests_per_second=10,
        # 20 a minute for each address.
        connects=(15, 60.0),
    )
