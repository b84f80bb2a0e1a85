"""Record corrupt keys: keys of Redis with content that no collector wrote."""

from __future__ import annotations

from typing import NamedTuple

from api.store.metrics import CORRUPT_KEYS
from runtime.limited_log import LineLimit
from runtime.logs import get_logger
from runtime.printable import printable
from runtime.redis.repair import repair_command

log = get_logger(__name__)

# Another program may corrupt any number of keys. Neither memory nor the log may grow with them.
MAX_KEYS = 10_000
MAX_REASON = 200
QUIET_SECONDS = 60.0


class Corruption(NamedTuple):
    """The fault of a key's content, and the command that repairs it."""

    why: str
    repair: str


class CorruptKeys:
    """The keys that were corrupt at their last read.

    Args:
        max_keys: Number of keys that are kept; the oldest are evicted.
        quiet_seconds: Least time between two log lines about a key.
    """

    def __init__(self, max_keys: int = MAX_KEYS, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._max_keys = max_keys
        self._corruptions: dict[str, Corruption] = {}
        self._lines = LineLimit(quiet_seconds, together=max_keys)

    def get(self, key: str) -> Corruption | None:
        """Return the fault of `key`, None if it has none as far as is known."""
        return self._corruptions.get(key)

    def record(self, key: str, why: str, *repair: str) -> Corruption:
        """Record and log that `key` is corrupt.

        Args:
            key: The key.
            why: The fault.
            repair: The words of the Redis command that repairs the key.

        Returns:
            The recorded fault, printable and cut to a bounded length.
        """
        command = printable(repair_command(*repair), MAX_REASON)
        corruption = Corruption(printable(why, MAX_REASON), command)
        if self._lines.admits(key):
            shown = printable(key)
            log.error("corrupt redis key", key=shown, error=corruption.why, repair=command)
        self._corruptions[key] = corruption
        if len(self._corruptions) > self._max_keys:
            del self._corruptions[next(iter(self._corruptions))]
        CORRUPT_KEYS.set(len(self._corruptions))
        return corruption

    def clear(self, key: str) -> None:
        """Forget the fault of `key`, because it was read without one."""
        if self._corruptions and self._corruptions.pop(key, None) is not None:
            CORRUPT_KEYS.set(len(self._corruptions))
