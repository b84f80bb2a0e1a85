"""Settings of the collector, as typed values; `docs/settings.md` lists them.

`collector_settings` has those of every collector, `venue_settings` those of each venue.
"""

from collector.settings.collector_settings import CollectorSettings, Shard, parse_shard
from collector.settings.venue_settings import VENUES, DepthChoice, FollowedVenue, usual_path

__all__ = [
    "VENUES",
    "CollectorSettings",
    "DepthChoice",
    "FollowedVenue",
    "Shard",
    "parse_shard",
    "usual_path",
]
