"""Count the streams that a caller has open, in all replicas together.

Redis has a hash for each caller: replica → its streams and the time until which they count. Each
replica writes its own number again every few seconds, so that a lost write does no harm and the
streams of a killed replica are free after `LEASE_SECONDS`.

Redis commands: EVALSHA and EVAL of a script that calls TIME, HGETALL, HSET, HDEL and PEXPIRE, on
keys that begin with `kraken-book:limits:`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, defaultdict
from time import monotonic

from redis.exceptions import NoScriptError

from api.access.script_call import call_script, make_script
from api.access.shared_redis import SharedRedis
from api.access.window_storage import KEY_PREFIX
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import Nodes

LEASE_SECONDS = 6.0
RENEW_INTERVAL = 2.0
# The time after which other replicas know that a stream has ended.
FLUSH_INTERVAL = 0.1
# Callers whose numbers are written in one round trip.
MAX_BATCH = 200

# Arguments: the replica, its streams, the lease in ms, the most streams of all replicas (0: write
# in any case). Returns whether it was written, and the streams of the other replicas.
_SCRIPT = make_script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HGETALL', KEYS[1])
local others = 0
for i = 1, #found, 2 do
  if found[i] ~= ARGV[1] then
    local streams, till = string.match(found[i + 1], '^(%d+) (%d+)$')
    if streams and tonumber(till) > now then
      others = others + tonumber(streams)
    else
      redis.call('HDEL', KEYS[1], found[i])
    end
  end
end
local own, lease, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if most > 0 and others + own > most then
  return {0, others}
end
if own == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', own, now + lease))
  redis.call('PEXPIRE', KEYS[1], lease)
end
return {1, others}
""")


class StreamPlaces:
    """Places for streams, limited for each caller.

    Args:
        redis: Asks Redis in time; while it is away, each replica counts alone.
        nodes: The Redis that all replicas share, which accepts writes.
        lease_seconds: Seconds after which the streams of a dead replica no longer count.
        renew_interval: Seconds between two writes of all numbers.
    """

    def __init__(
        self,
        redis: SharedRedis,
        nodes: Nodes,
        lease_seconds: float = LEASE_SECONDS,
        renew_interval: float = RENEW_INTERVAL,
    ) -> None:
        self._redis = redis
        self._nodes = nodes
        self._lease_ms = int(lease_seconds * 1000)
        self._renew_interval = renew_interval
        self._replica = secrets.token_hex(8)
        self._open: Counter[str] = Counter()
        self._changed: set[str] = set()
        # One opening of a caller at a time, so that numbers reach Redis in their order.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(self, caller: str, allowed: int) -> bool:
        """Take a place for a stream; return False if the caller has as many as allowed."""
        async with self._locks[caller]:
            # The stream counts during the question too, so that `run` does not write less.
            self._open[caller] += 1
            is_free = False
            try:
                is_free = await self._is_free(caller, allowed)
            finally:
                if not is_free:
                    self.give_back(caller)
        return is_free

    def give_back(self, caller: str) -> None:
        """Give a place back; the other replicas know it within `FLUSH_INTERVAL`."""
        self._open[caller] -= 1
        self._changed.add(caller)
        if not self._open[caller]:
            del self._open[caller]

    async def run(self) -> None:
        """Write the numbers that have changed, and from time to time all, until cancelled."""
        renew_at = monotonic() + self._renew_interval
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            if monotonic() >= renew_at:
                renew_at = monotonic() + self._renew_interval
                self._changed.update(self._open)
            await self.flush()

    async def flush(self) -> None:
        """Write the numbers that have changed; those that could not be written stay to be."""
        for caller in [each for each in self._locks if not self._is_used(each)]:
            del self._locks[caller]
        if not self._redis.is_up:
            # The places of others expire in Redis before it is asked again, or soon after.
            self._changed.intersection_update(self._open)
            return
        by_node: defaultdict[RedisNode, list[str]] = defaultdict(list)
        for caller in self._changed:
            by_node[self._nodes.of(_key(caller))].append(caller)
        for node, callers in by_node.items():
            for start in range(0, len(callers), MAX_BATCH):
                batch = callers[start : start + MAX_BATCH]
                await self._redis.ask(lambda node=node, batch=batch: self._write(node, batch))  # type: ignore[misc]

    async def _is_free(self, caller: str, allowed: int) -> bool:
        reply = await self._redis.ask(
            lambda: call_script(
                self._nodes, _SCRIPT, (_key(caller),), *self._arguments(caller, allowed)
            )
        )
        return self._open[caller] <= allowed if reply is None else bool(reply[0])

    def _arguments(self, caller: str, allowed: int) -> tuple[str, int, int, int]:
        return self._replica, self._open[caller], self._lease_ms, allowed

    async def _write(self, node: RedisNode, callers: list[str]) -> None:
        commands: list[Command] = [
            ("EVALSHA", _SCRIPT.sha, 1, _key(caller), *self._arguments(caller, 0))
            for caller in callers
        ]
        # A stream that opens or ends meanwhile adds its caller again.
        self._changed.difference_update(callers)
        replies: list[object] = []
        try:
            replies = await self._nodes.send(node, commands)
        finally:
            for index, caller in enumerate(callers):
                if index >= len(replies) or isinstance(replies[index], Exception):
                    self._changed.add(caller)
        for caller, reply in zip(callers, replies, strict=True):
            if isinstance(reply, NoScriptError):
                await call_script(
                    self._nodes, _SCRIPT, (_key(caller),), *self._arguments(caller, 0)
                )
                self._changed.discard(caller)
            elif isinstance(reply, Exception):
                raise reply

    def _is_used(self, caller: str) -> bool:
        return caller in self._open or self._locks[caller].locked()


def _key(caller: str) -> str:
    return f"{KEY_PREFIX}streams:{{{caller}}}"
