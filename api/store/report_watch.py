"""Watch the reports of the collectors: their ages, and newer contracts than this program knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from api.store.feed_reports import FeedReports
from api.store.metrics import NEWER_CONTRACT, REPORT_AGE
from kraken_book.contract.version import CONTRACT
from runtime.logs import get_logger

log = get_logger(__name__)

CHECK_INTERVAL = 5.0


class ReportWatch:
    """Exports the ages of the reports, and knows the venues that have a newer contract.

    The age of a report grows while a shard has no leader, even if all its collectors are gone.
    While a collector writes a newer major version of the contract, the replica is not ready, so
    that load balancers leave it. It goes on to serve what it can prove: a book that it cannot
    read is a corrupt one.

    Args:
        reports: Reads the reports of the collectors.
        interval: Seconds between two checks.
        clock: Returns monotonic seconds, as that of `reports`.

    Attributes:
        newer: The newer version, by venue.
    """

    def __init__(
        self,
        reports: FeedReports,
        interval: float = CHECK_INTERVAL,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._reports = reports
        self._interval = interval
        self._clock = clock
        self.newer: dict[str, str] = {}

    async def run(self) -> None:
        """Check at every interval until the task is cancelled."""
        while True:
            await self.check()
            await asyncio.sleep(self._interval)

    async def check(self) -> None:
        """Read the reports, set the gauges, and log each newer contract once."""
        found = await self._reports.read()
        now = self._clock()
        # A report that was removed has no age any more.
        REPORT_AGE.clear()
        for venue, each in found.items():
            for aged in each.reports:
                REPORT_AGE.labels(venue, aged.shard).set(max(0.0, now - aged.changed_at))
        newer = {venue: each.newer for venue, each in found.items() if each.newer is not None}
        for venue, contract in newer.items():
            if self.newer.get(venue) != contract:
                log.error(
                    "contract of a collector is newer, not ready",
                    venue=venue,
                    contract=contract,
                    ours=str(CONTRACT),
                    advice="replace this api by the newer release",
                )
        for venue in self.newer.keys() - newer.keys():
            log.info("contract of the collector is known again", venue=venue)
        self.newer = newer
        NEWER_CONTRACT.set(len(newer))
