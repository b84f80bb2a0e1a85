"""Keys of Redis that hold what no collector writes: each is logged once, with its repair."""

from __future__ import annotations

from typing import NamedTuple

from api.store.metrics import CORRUPT_KEYS
from runtime.limited_log import LineLimit
from runtime.logs import get_logger
from runtime.printable import printable
from runtime.redis.repair import repair_command

log = get_logger(__name__)

# Whoever fills our keys with rubbish fills neither the memory nor the log.
MAX_KEYS = 10_000
MAX_REASON = 200
QUIET_SECONDS = 60.0


class Corruption(NamedTuple):
    """Why a key's content is not ours, and the command that repairs it."""

    why: str
    repair: str


class CorruptKeys:
    """Corrupt keys that were read and have not been read without a fault since.

    Args:
        max_keys: How many are remembered; beyond that the oldest are forgotten.
        quiet_seconds: How long a key is not logged again.
    """

    def __init__(self, max_keys: int = MAX_KEYS, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._max_keys = max_keys
        self._corruptions: dict[str, Corruption] = {}
        self._lines = LineLimit(quiet_seconds, together=max_keys)

    def get(self, key: str) -> Corruption | None:
        """Return what is wrong with `key`, or None if nothing is known to be."""
        return self._corruptions.get(key)

    def found(self, key: str, why: str, *repair: str) -> Corruption:
        """Remember and log that `key` holds what no collector writes.

        Args:
            key: The key.
            why: What is wrong with it.
            repair: The words of the Redis command that repairs it.
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

    def is_right(self, key: str) -> None:
        """Forget what was wrong with `key`, which holds what a collector wrote."""
        if self._corruptions and self._corruptions.pop(key, None) is not None:
            CORRUPT_KEYS.set(len(self._corruptions))
