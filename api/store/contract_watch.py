"""Watch for collectors that write a newer contract than this program knows."""

from __future__ import annotations

import asyncio

from api.store.feed_reports import FeedReports
from api.store.metrics import NEWER_CONTRACT
from kraken_book.contract.version import CONTRACT
from runtime.logs import get_logger

log = get_logger(__name__)

CHECK_INTERVAL = 5.0


class ContractWatch:
    """The venues whose collectors write a newer major version of the contract.

    While there is one, the replica is not ready, so that load balancers leave it. It goes on to
    serve what it can prove: a book that it cannot read is a corrupt one.

    Args:
        reports: Reads the reports of the collectors.
        interval: Seconds between two checks.

    Attributes:
        newer: The newer version, by venue.
    """

    def __init__(self, reports: FeedReports, interval: float = CHECK_INTERVAL) -> None:
        self._reports = reports
        self._interval = interval
        self.newer: dict[str, str] = {}

    async def run(self) -> None:
        """Check at every interval until the task is cancelled."""
        while True:
            await self.check()
            await asyncio.sleep(self._interval)

    async def check(self) -> None:
        """Read the reports, and log each newer contract once."""
        found = await self._reports.read()
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
