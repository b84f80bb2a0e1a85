"""Leaders of overlapping shards: shards of another count that share symbols with ours.

They exist while the count changes, such as from `0/1` to `0/2` and `1/2`. Epochs keep each stream
correct. But two leaders of the same symbols would fence each other again and again, and each change
of the leader sends readers a snapshot. So a collector does not acquire a lease while an overlapping
shard's leader holds one.

In a cluster, leases of other shards are in other slots, so no script can read them together with
ours. `<venue>:feed` lists the leases to read: it has a field for each shard that has had a leader,
until a leader of another count removes it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from redis.exceptions import ResponseError
from redis.typing import EncodableT

from collector.publish.troubles import Troubles
from collector.settings import Shard, parse_shard
from kraken_book.contract.keys import feed_key, lease_key
from kraken_book.contract.script import LEASE
from kraken_book.contract.version import CONTRACT
from kraken_book.contract.write import parse_corruption
from kraken_book.symbols import KRAKEN
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# If a lease has no expiry, the script lets it expire after this time, unless it is renewed.
REPAIRED_EXPIRY_MS = 60_000
# The lease script only reads if the owner is empty, and then ignores the newest epoch seen.
NO_OWNER = ""
NO_EPOCH_SEEN = 0
_ANNOUNCEMENT = f'{{"contract":"{CONTRACT}"}}'


class OverlappingLeader(NamedTuple):
    """The leader of an overlapping shard; a newer epoch compares as greater."""

    epoch: int
    shard: str
    owner: str


class OverlappingShards:
    """The shards in Redis that overlap `shard`.

    Args:
        nodes: The nodes of Redis.
        shard: This collector's shard.
        troubles: Receives the errors of Redis.
        venue: The venue of the shards.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        troubles: Troubles | None = None,
        venue: str = KRAKEN,
    ) -> None:
        self._venue = venue
        self._feed_key = feed_key(venue)
        self._nodes = nodes
        self._shard = shard
        self._troubles = troubles or Troubles()

    async def announce(self) -> None:
        """List this shard in `<venue>:feed` before its first report.

        Collectors first acquire their lease, then announce themselves, and then read the leases of
        overlapping shards. So if two do this at once, at least one sees the other.
        """
        await self._ask_feed("HSETNX", self._feed_key, str(self._shard), _ANNOUNCEMENT)

    async def newest_leader(self) -> OverlappingLeader | None:
        """Return the leader with the newest epoch; None if no overlapping shard has one."""
        return max((await self._leaders()).values(), default=None)

    async def forget_unled(self) -> None:
        """Remove the reports of overlapping shards without a leader; call this only while leading.

        None of them can get a leader while this shard has one, so their reports are out of date.
        """
        shards, leaders = await self._known(), await self._leaders()
        unled = [shard for shard in shards if shard not in leaders]
        if unled:
            log.info("overlapping shards have no leader, removing their reports", shards=unled)
            await self._ask_feed("HDEL", self._feed_key, *unled)
            for shard in unled:
                self._troubles.drop(lease_key(shard, self._venue))

    async def _known(self) -> list[str]:
        fields = cast("list[bytes]", await self._ask_feed("HKEYS", self._feed_key) or [])
        names = [field.decode(errors="replace") for field in fields]
        return [name for name in names if self._overlaps(name)]

    def _overlaps(self, name: str) -> bool:
        try:
            shard = parse_shard(name)
        except ValueError:
            return False
        return shard.count != self._shard.count and shard.overlaps(self._shard)

    async def _ask_feed(self, *command: EncodableT) -> object:
        """Send a command for `<venue>:feed`.

        Returns:
            The reply; None if the key has another type. Then no overlapping shard is known, and
            this collector may lead all the same, because epochs keep the streams correct.

        Raises:
            ResponseError: Redis answered with another error.
        """
        try:
            reply: object = await self._nodes.call(self._feed_key, *command)
        except ResponseError as error:
            if describe(error).reason is not Reason.WRONG_TYPE:
                raise
            self._troubles.begin_corrupt(self._feed_key, "is no hash")
            return None
        self._troubles.end(self._feed_key)
        return reply

    async def _leaders(self) -> dict[str, OverlappingLeader]:
        found = {}
        for shard in await self._known():
            if (leader := await self._leader_of(shard)) is not None:
                found[shard] = leader
        return found

    async def _leader_of(self, shard: str) -> OverlappingLeader | None:
        """Return the leader of the shard, if it has one. If its lease has no expiry, set one."""
        key = lease_key(shard, self._venue)
        try:
            _, *lease = cast(
                "list[Any]",
                await self._nodes.call(
                    key, "EVAL", LEASE.text, 1, key, NO_OWNER, REPAIRED_EXPIRY_MS, NO_EPOCH_SEEN
                ),
            )
        except ResponseError as error:
            if (corrupt := parse_corruption(str(error))) is None:
                raise
            self._troubles.begin_corrupt(*corrupt)
            return None
        self._troubles.end(key)
        if not lease:
            return None
        owner, epoch, *damage = lease
        if damage:
            self._troubles.log_repaired(key, "had no end")
        return OverlappingLeader(epoch, shard, owner.decode(errors="replace"))
