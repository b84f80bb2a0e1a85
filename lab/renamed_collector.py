"""`python -m lab.renamed_collector`: a collector of Kraken's feed under the name of another venue.

It stands for the collector of another venue in tests of several venues. `COLLECTOR_VENUE` is its
name.
"""

from __future__ import annotations

from collector.feed.room import Room
from collector.feed.venue import Venue
from collector.program import kraken_venue, main
from collector.settings import CollectorSettings
from collector.tape.recorder import TapeRecorder
from runtime.command_line import STOPPED_OR_FAILED, OneLineParser


def open_venue(settings: CollectorSettings, room: Room, tape: TapeRecorder | None) -> Venue:
    """Return Kraken under the name that the settings have."""
    return kraken_venue(settings, room, tape, settings.collector_venue)


if __name__ == "__main__":
    OneLineParser(
        "python -m lab.renamed_collector",
        "Runs a collector of Kraken's feed as another venue, with the collector's own variables.",
        STOPPED_OR_FAILED,
        {},
    ).parse_args()
    main(open_venue=open_venue)
