"""Keep a follower for each venue, so that no venue waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from api.follow.follower import Follower
from api.follow.ring_registry import RingRegistry
from api.store.metrics import VENUES
from api.store.venues import Venues
from runtime.logs import get_logger
from runtime.service import end_tasks

log = get_logger(__name__)

# The interval at which the list of venues is compared.
CHECK_INTERVAL = 1.0


class Followers:
    """Runs a follower of each venue that is listed or has readers.

    Args:
        venues: The listed venues.
        registry: The rings.
        make_follower: Makes the follower of a venue.
        check_interval: Seconds after which a venue that is listed is followed at the latest.
    """

    def __init__(
        self,
        venues: Venues,
        registry: RingRegistry,
        make_follower: Callable[[str], Follower],
        check_interval: float = CHECK_INTERVAL,
    ) -> None:
        self._venues = venues
        self._registry = registry
        self._make_follower = make_follower
        self._check_interval = check_interval
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Follow until the task is cancelled; raise the exception of a follower that fails."""
        try:
            while True:
                self._registry.venue_joined.clear()
                await self._update()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._check_interval):
                        await self._registry.venue_joined.wait()
        finally:
            await end_tasks(self._running.values())

    async def _update(self) -> None:
        """Start the followers of new venues, and end those of venues that are gone."""
        for task in self._running.values():
            if task.done():
                task.result()
        # The list may be lost while its venues have readers.
        wanted = dict.fromkeys((*self._venues.known, *self._registry.venues))
        for venue in wanted:
            if venue not in self._running:
                if self._running:
                    log.info("venue found", venue=venue)
                self._running[venue] = asyncio.create_task(self._make_follower(venue).run())
        gone = [venue for venue in self._running if venue not in wanted]
        for venue in gone:
            log.info("venue not listed any more", venue=venue)
            await end_tasks([self._running.pop(venue)])
        VENUES.set(len(self._running))
