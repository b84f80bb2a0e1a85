"""What differs between Coinbase and other venues, as data."""

from __future__ import annotations

from collector.venues.coinbase.products import NAME, PATH, book_path, decode_book, decode_products
from collector.venues.coinbase.protocol import CoinbaseProtocol
from collector.venues.sequenced.protocol import BookByRest, VenueTraits


def coinbase_traits(_depth: int) -> VenueTraits:
    """Return Coinbase's traits, which are the same for every depth."""
    return VenueTraits(
        name=NAME,
        proof="sequence",
        make_protocol=CoinbaseProtocol,
        decode_pairs=decode_products,
        pairs_path=PATH,
        # Public requests: 10 a second for each address.
        weight_per_minute=300,
        book=BookByRest(book_path, decode_book),
        max_together=100,
        # 8 a second for each address, of all connections.
        requests_per_second=4,
        connects=(4, 1.0),
    )
