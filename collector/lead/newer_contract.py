"""Leaders of a newer release, whose contract this collector does not know.

The reports of a venue in `<venue>:feed` have the version of the contract. A collector does not lead
beside a report of a newer major version: it could write what the readers of that version
misunderstand.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from redis.exceptions import ResponseError

from kraken_book.contract.keys import feed_key
from kraken_book.contract.version import newer_contract
from kraken_book.symbols import KRAKEN
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

# A key of another type is logged by others; users of an older release may not read reports.
_WITHOUT_REPORTS = (Reason.WRONG_TYPE, Reason.NO_PERMISSION)


class NewerReport(NamedTuple):
    """A report of a newer major version of the contract."""

    shard: str
    contract: str


class NewerContract:
    """Finds the reports of a venue that are of a newer contract.

    Args:
        nodes: The nodes of Redis.
        venue: The venue.
    """

    def __init__(self, nodes: Nodes, venue: str = KRAKEN) -> None:
        self._nodes = nodes
        self.key = feed_key(venue)

    async def find(self) -> NewerReport | None:
        """Return the first newer report, None if there is none or if none may be read."""
        try:
            shards = cast("list[bytes]", await self._nodes.call(self.key, "HKEYS", self.key))
            if not shards:
                return None
            # HMGET and not HGETALL, because collectors' users of Redis have always had it.
            reports = cast(
                "list[bytes | None]", await self._nodes.call(self.key, "HMGET", self.key, *shards)
            )
        except ResponseError as error:
            if describe(error).reason not in _WITHOUT_REPORTS:
                raise
            return None
        for shard, report in zip(shards, reports, strict=True):
            if report is not None and (newer := newer_contract(report)) is not None:
                return NewerReport(shard.decode(errors="replace"), newer)
        return None
