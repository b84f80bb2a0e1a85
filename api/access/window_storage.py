"""The storage of `limits` over the api's own Redis client.

The storages of `limits` make clients of their own, which retry, and which know neither the URLs of
`REDIS_URL` nor the deadlines here (docs/adr/0011-limits-in-leases.md). Its scripts and strategies
are used as they are.

Redis commands: EVALSHA and EVAL of scripts that call GET, SET, INCRBY, PTTL, EXISTS and RENAME, on
keys that begin with `kraken-book:limits:`. Each key expires within two windows.
"""

from __future__ import annotations

from importlib.resources import files

from limits.aio.storage import SlidingWindowCounterSupport, Storage
from redis.exceptions import RedisError

from api.access.script_call import call_script, make_script
from kraken_book.contract.script import Script
from runtime.redis.nodes import Nodes

KEY_PREFIX = "kraken-book:limits:"


def _script_of_limits(name: str) -> Script:
    path = files("limits").joinpath("resources", "redis", "lua_scripts", name)
    return make_script(path.read_text(encoding="utf-8"))


_ACQUIRE = _script_of_limits("acquire_sliding_window.lua")
_WINDOW = _script_of_limits("sliding_window.lua")


class WindowStorage(Storage, SlidingWindowCounterSupport):
    """Sliding windows in Redis: the count of this window, and of the previous one in proportion.

    Args:
        nodes: The Redis that all replicas share, which accepts writes.
    """

    STORAGE_SCHEME = None

    def __init__(self, nodes: Nodes) -> None:
        super().__init__()
        self._nodes = nodes

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """The errors of Redis."""
        return (RedisError, OSError)

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count `amount` if the window has room for all of it; return whether it had."""
        reply = await call_script(self._nodes, _ACQUIRE, _keys(key), limit, expiry, amount)
        return bool(reply)

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return the counts of the previous and this window, each with its seconds to live."""
        reply = await call_script(self._nodes, _WINDOW, _keys(key), expiry)
        previous, previous_ttl, current, current_ttl = (int(each or 0) for each in reply)
        return (
            previous,
            max(previous_ttl, 0) / 1000,
            current,
            max(current_ttl, 0) / 1000,
        )

    async def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 - not needed
        """Forget the counts of a key."""
        previous, current = _keys(key)
        await self._nodes.call(current, "DEL", previous, current)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refuse: fixed windows are not used."""
        raise NotImplementedError

    async def get(self, key: str) -> int:
        """Refuse: fixed windows are not used."""
        raise NotImplementedError

    async def get_expiry(self, key: str) -> float:
        """Refuse: fixed windows are not used."""
        raise NotImplementedError

    async def clear(self, key: str) -> None:
        """Refuse: fixed windows are not used."""
        raise NotImplementedError

    async def reset(self) -> int | None:
        """Refuse: the keys expire, and a scan would hold Redis up."""
        raise NotImplementedError

    async def check(self) -> bool:
        """Return whether Redis counts; raise redis.RedisError or OSError."""
        return await self.acquire_sliding_window_entry("probe", 1_000_000, 1)


def _keys(key: str) -> tuple[str, str]:
    """Return the keys of the previous and of this window, in one slot of a cluster."""
    current = f"{KEY_PREFIX}{{{key}}}"
    return f"{current}/-1", current
