"""Leaders of other counts, who have symbols of ours while `0/1` becomes `0/2` and `1/2`.

Whoever writes, epochs keep each stream right; but two that fence each other for ever would leave
their readers little but snapshots. So who holds no lease takes none while such a leader holds his.

Leases of other shards lie in other slots of a cluster, where no script sees them together with
ours. `kraken:feed` has a field for each shard that was ever led, and so tells which to look at.
"""

from __future__ import annotations

import re
from typing import NamedTuple, cast

from collector.settings import Shard, parse_shard
from kraken_book.redis_contract.keys import FEED, lease_key
from service.logs import get_logger
from service.redis_nodes import Nodes

log = get_logger(__name__)

_LEASE = re.compile(r"(\d+) (.*)")


class Rival(NamedTuple):
    """Who leads a shard of another count that shares symbols with ours."""

    epoch: int
    shard: str
    owner: str


class Rivals:
    """The shards of other counts that share symbols with `shard`, as Redis knows them."""

    def __init__(self, nodes: Nodes, shard: Shard) -> None:
        self._nodes = nodes
        self._shard = shard

    async def announce(self) -> None:
        """Let rivals see this shard's lease, before its first report.

        Of two who take their leases at once, announce themselves, and then look for rivals, at
        least one sees the other.
        """
        await self._nodes.call(FEED, "HSETNX", FEED, str(self._shard), "{}")

    async def newest(self) -> Rival | None:
        """The rival with the newest epoch; None where nobody leads."""
        return max((await self._leaders()).values(), default=None)

    async def forget_unled(self) -> None:
        """Remove the reports of shards that nobody leads; only for who leads.

        None of them can lead as long as we do, so their counts have gone.
        """
        shards, leaders = await self._known(), await self._leaders()
        unled = [shard for shard in shards if shard not in leaders]
        if unled:
            log.info(
                "shards of another count are led no more, removing their reports", shards=unled
            )
            await self._nodes.call(FEED, "HDEL", FEED, *unled)

    async def _known(self) -> list[str]:
        fields = cast("list[bytes]", await self._nodes.call(FEED, "HKEYS", FEED))
        names = [field.decode(errors="replace") for field in fields]
        return [name for name in names if self._is_rival(name)]

    def _is_rival(self, name: str) -> bool:
        try:
            shard = parse_shard(name)
        except ValueError:
            return False
        return shard.count != self._shard.count and shard.overlaps(self._shard)

    async def _leaders(self) -> dict[str, Rival]:
        found = {}
        for shard in await self._known():
            key = lease_key(shard)
            value = cast("bytes | None", await self._nodes.call(key, "GET", key)) or b""
            if lease := _LEASE.fullmatch(value.decode(errors="replace")):
                found[shard] = Rival(int(lease[1]), shard, lease[2])
        return found
