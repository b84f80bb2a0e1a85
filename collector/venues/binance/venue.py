"""What differs between Binance and other venues, as data."""

from __future__ import annotations

from functools import partial

from collector.venues.binance.pairs import (
    NAME,
    PAIRS_PATH,
    PAIRS_WEIGHT,
    decode_depth,
    decode_pairs,
    depth_path,
)
from collector.venues.binance.protocol import BinanceProtocol
from collector.venues.sequenced.protocol import (
    BookByRest,
    SnapshotByRest,
    TextLevels,
    VenueTraits,
)

# The levels of a snapshot, and the request's weight. Far more are needed than are published,
# because the levels beyond the snapshot are unknown.
_LIMITS = ((100, 1000, 50), (1000, 5000, 250))

# The levels of a book to compare with.
_COMPARED = 100


def _decode_book(body: bytes) -> tuple[TextLevels, TextLevels]:
    depth = decode_depth(body, _COMPARED)
    return depth.bids, depth.asks


def binance_traits(depth: int) -> VenueTraits:
    """Return Binance's traits for books of which `depth` levels of each side are published."""
    limit, weight = next((limit, weight) for most, limit, weight in _LIMITS if depth <= most)
    return VenueTraits(
        name=NAME,
        proof="sequence",
        make_protocol=BinanceProtocol,
        decode_pairs=decode_pairs,
        pairs_path=PAIRS_PATH,
        pairs_weight=PAIRS_WEIGHT,
        # Binance permits 6,000 to each address.
        weight_per_minute=4000,
        snapshot=SnapshotByRest(
            partial(depth_path, limit=limit), weight, partial(decode_depth, limit=limit)
        ),
        book=BookByRest(partial(depth_path, limit=_COMPARED), _decode_book),
        max_together=100,
        # 5 a second for each connection.
        requests_per_second=4,
        # 300 in five minutes for each address.
        connects=(60, 300.0),
    )
