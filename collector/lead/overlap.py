"""Leaders of shards of another count, which share symbols with ours.

There are some while the count changes, such as from `0/1` to `0/2` and `1/2`. Epochs keep each
stream right whoever writes, but two leaders that fence each other forever would leave their readers
little but snapshots. So a collector does not acquire a lease while an overlapping shard's leader
holds one.

Leases of other shards lie in other slots of a cluster, where no script can read them together with
ours. `kraken:feed` has a field for each shard that was ever led, and so tells which to look at.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from redis.exceptions import ResponseError
from redis.typing import EncodableT

from collector.publish.troubles import Troubles
from collector.settings import Shard, parse_shard
from kraken_book.contract.keys import FEED, lease_key
from kraken_book.contract.script import LEASE
from kraken_book.contract.write import parse_corruption
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# How long another's lease without an end may last, unless its leader lives and renews it.
ENDS_IN_MS = 60_000
# For the lease script: a caller that only looks has seen no epoch.
NO_EPOCH_SEEN = 0


class OverlappingLeader(NamedTuple):
    """The leader of a shard of another count that shares symbols with ours."""

    epoch: int
    shard: str
    owner: str


class OverlappingShards:
    """The shards of another count that share symbols with `shard`, as Redis knows them."""

    def __init__(self, nodes: Nodes, shard: Shard, troubles: Troubles | None = None) -> None:
        self._nodes = nodes
        self._shard = shard
        self._troubles = troubles or Troubles()

    async def announce(self) -> None:
        """Let overlapping shards see this shard's lease, before its first report.

        Of two collectors that acquire their leases at once, announce themselves, and then look for
        overlapping leaders, at least one sees the other.
        """
        await self._ask_feed("HSETNX", FEED, str(self._shard), "{}")

    async def newest_leader(self) -> OverlappingLeader | None:
        """Return the leader with the newest epoch; None if nobody leads."""
        return max((await self._leaders()).values(), default=None)

    async def forget_unled(self) -> None:
        """Remove the reports of overlapping shards that nobody leads; only a leader may do this.

        None of them can be led while ours is, so nobody uses their count any more.
        """
        shards, leaders = await self._known(), await self._leaders()
        unled = [shard for shard in shards if shard not in leaders]
        if unled:
            log.info(
                "shards of another count are led no more, removing their reports", shards=unled
            )
            await self._ask_feed("HDEL", FEED, *unled)
            for shard in unled:
                self._troubles.over(lease_key(shard), "nobody looks at this lease any more")

    async def _known(self) -> list[str]:
        fields = cast("list[bytes]", await self._ask_feed("HKEYS", FEED) or [])
        names = [field.decode(errors="replace") for field in fields]
        return [name for name in names if self._overlaps(name)]

    def _overlaps(self, name: str) -> bool:
        try:
            shard = parse_shard(name)
        except ValueError:
            return False
        return shard.count != self._shard.count and shard.overlaps(self._shard)

    async def _ask_feed(self, *command: EncodableT) -> object:
        """Return the reply; if `kraken:feed` holds another type, log that and return None.

        Then no overlapping shard is known, which must not keep this one from being led: epochs keep
        streams right in any case.
        """
        try:
            reply: object = await self._nodes.call(FEED, *command)
        except ResponseError as error:
            if describe(error).reason is not Reason.WRONG_TYPE:
                raise
            self._troubles.say_corrupt(FEED, "is no hash")
            return None
        self._troubles.over(FEED, "redis writes this again")
        return reply

    async def _leaders(self) -> dict[str, OverlappingLeader]:
        found = {}
        for shard in await self._known():
            if (leader := await self._look_at(shard)) is not None:
                found[shard] = leader
        return found

    async def _look_at(self, shard: str) -> OverlappingLeader | None:
        """Return the leader of the shard, if there is one, as the lease script reads the lease."""
        key = lease_key(shard)
        try:
            _, *told = cast(
                "list[Any]",
                await self._nodes.call(
                    key, "EVAL", LEASE.text, 1, key, "", ENDS_IN_MS, NO_EPOCH_SEEN
                ),
            )
        except ResponseError as error:
            if (corrupt := parse_corruption(str(error))) is None:
                raise
            self._troubles.say_corrupt(*corrupt)
            return None
        self._troubles.over(key, "this is a lease again")
        if not told:
            return None
        owner, epoch, *wrong = told
        if wrong:
            self._troubles.say_repaired(key, "had no end")
        return OverlappingLeader(epoch, shard, owner.decode(errors="replace"))
