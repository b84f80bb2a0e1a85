"""The nodes of Redis that do not answer, for the log and the metric of all followers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from weakref import WeakKeyDictionary

from api.store.metrics import REDIS_UP
from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.exchange import RedisNode

log = get_logger(__name__)


class Outages:
    """Logs each outage once, whichever follower finds it, and its end.

    Args:
        all_nodes: Returns the nodes of Redis.
    """

    def __init__(self, all_nodes: Callable[[], Collection[RedisNode]]) -> None:
        self._all_nodes = all_nodes
        # Whether every node answers, as the metric shows it; None before the first answer.
        self._is_up: bool | None = None
        # The trouble that was logged for each node that does not answer.
        self._logged: WeakKeyDictionary[RedisNode, str] = WeakKeyDictionary()

    def has(self, node: RedisNode) -> bool:
        """Return whether this node does not answer, as far as is known."""
        return not self._is_up and node in self._logged

    def begin(self, node: RedisNode, error: Exception) -> None:
        """Note that a node did not answer."""
        self._set_up(is_up=False)
        trouble = describe(error, node)
        if self._logged.get(node) != trouble.summary:
            self._logged[node] = trouble.summary
            log.error(
                "redis unavailable, streams wait",
                trouble=trouble.summary,
                reason=trouble.reason.value,
                error=trouble.text,
                advice=trouble.advice,
            )

    def end(self, node: RedisNode) -> None:
        """Note that a node answered."""
        if self._is_up:
            return
        if node in self._logged:
            del self._logged[node]
            log.info("redis available again")
        self._set_up(is_up=not any(each in self._logged for each in self._all_nodes()))

    def _set_up(self, *, is_up: bool) -> None:
        if is_up is not self._is_up:
            self._is_up = is_up
            REDIS_UP.set(is_up)
