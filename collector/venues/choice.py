"""Open the venue that the settings name. A new venue is an import and one line here."""

from __future__ import annotations

from collections.abc import Callable

from collector.feed.room import Room
from collector.feed.venue import Venue
from collector.settings import FollowedVenue
from collector.tape.recorder import TapeRecorder
from collector.venues.binance.venue import binance_traits
from collector.venues.bitfinex.venue import bitfinex_traits
from collector.venues.coinbase.venue import coinbase_traits
from collector.venues.kraken.venue import KrakenVenue
from collector.venues.sequenced.protocol import VenueTraits
from collector.venues.sequenced.venue import SequencedVenue
from kraken_book.symbols import KRAKEN

TRAITS: dict[str, Callable[[int], VenueTraits]] = {
    "coinbase": coinbase_traits,
    "binance": binance_traits,
    "bitfinex": bitfinex_traits,
}


def open_venue(
    followed: FollowedVenue, room: Room | None = None, tape: TapeRecorder | None = None
) -> Venue:
    """Return a venue.

    Args:
        followed: Its settings.
        room: The room in the queues of events; by default there always is some.
        tape: Records the frames.
    """
    if followed.name == KRAKEN:
        return KrakenVenue(
            followed.url,
            followed.source,
            followed.depth,
            followed.symbols_per_connection,
            followed.connects_per_10_min,
            followed.quiet_resync,
            room,
            tape,
        )
    return SequencedVenue(
        TRAITS[followed.name](followed.depth),
        followed.url,
        followed.rest_url,
        followed.source,
        followed.depth,
        followed.symbols_per_connection,
        followed.connects_per_10_min,
        followed.quiet_resync,
        room,
        tape,
    )
