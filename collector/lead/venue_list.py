"""The list of venues in Redis, by which readers find the keys of this collector."""

from __future__ import annotations

from redis.exceptions import RedisError

from collector.publish.troubles import Troubles
from kraken_book.contract.keys import VENUES
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)


class VenueList:
    """Adds a venue to `kraken-book:venues`.

    An error prevents nothing else: readers know Kraken without the list, and the next report adds
    the venue again.

    Args:
        nodes: The nodes of Redis.
        venue: The venue.
        troubles: Receives the errors of Redis.
    """

    def __init__(self, nodes: Nodes, venue: str, troubles: Troubles) -> None:
        self._nodes = nodes
        self._venue = venue
        self._troubles = troubles

    async def add(self) -> None:
        """Add the venue, if this collector leads."""
        try:
            await self._nodes.call(VENUES, "SADD", VENUES, self._venue)
        except (RedisError, OSError) as error:
            trouble = describe(error)
            if trouble.reason is Reason.WRONG_TYPE:
                self._troubles.begin_corrupt(VENUES, "is no set")
            elif trouble.reason is Reason.NO_PERMISSION:
                # The publisher logs all other errors, such as outages.
                self._log_refused(error)
        else:
            self._troubles.end(VENUES)

    def _log_refused(self, error: Exception) -> None:
        if fields := self._troubles.begin(VENUES, error, self._nodes.of(VENUES)):
            log.error("redis write failed, retrying", **fields)
