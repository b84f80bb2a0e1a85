"""Keys of ours that hold what no collector writes: each is logged once, with its repair."""

from __future__ import annotations

import shlex
from collections import OrderedDict
from time import monotonic
from typing import Any, NamedTuple

from api.store.metrics import CORRUPT_KEYS
from runtime.logs import get_logger
from runtime.printable import printable

log = get_logger(__name__)

# Whoever fills our keys with rubbish fills no memory with it, and no log.
MAX_KEYS = 10_000
MAX_REASON = 200
QUIET_SECONDS = 60.0


class Corruption(NamedTuple):
    """Why a key's content is not ours, and the command that repairs it."""

    why: str
    repair: str


class CorruptKeys:
    """Corrupt keys that were met and are not known to be right again.

    Args:
        max_keys: How many are remembered, the last ones met.
        quiet_seconds: How long a key is not logged again.
    """

    def __init__(self, max_keys: int = MAX_KEYS, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._max_keys = max_keys
        self._quiet_seconds = quiet_seconds
        self._corruptions: OrderedDict[str, Corruption] = OrderedDict()
        self._logged_at: OrderedDict[str, float] = OrderedDict()

    def get(self, key: str) -> Corruption | None:
        """Return what is wrong with `key`, None if nothing is known to be."""
        return self._corruptions.get(key)

    def found(self, key: str, why: str, *repair: str) -> Corruption:
        """Note and log that `key` holds what is not ours, for `why`.

        `repair` are the words of the Redis command that repairs it.
        """
        command = printable(" ".join(["redis-cli", *map(_shell_word, repair)]), MAX_REASON)
        corruption = Corruption(printable(why, MAX_REASON), command)
        self._log(key, corruption)
        self._corruptions[key] = corruption
        _forget_oldest(self._corruptions, self._max_keys)
        CORRUPT_KEYS.set(len(self._corruptions))
        return corruption

    def is_right(self, key: str) -> None:
        """Note that `key` holds what a collector wrote."""
        if self._corruptions and self._corruptions.pop(key, None) is not None:
            CORRUPT_KEYS.set(len(self._corruptions))

    def _log(self, key: str, corruption: Corruption) -> None:
        now = monotonic()
        if now - self._logged_at.get(key, float("-inf")) < self._quiet_seconds:
            return
        self._logged_at[key] = now
        self._logged_at.move_to_end(key)
        _forget_oldest(self._logged_at, self._max_keys)
        shown = printable(key)
        log.error("corrupt redis key", key=shown, error=corruption.why, repair=corruption.repair)


def _shell_word(word: str) -> str:
    """Return `word` for a shell such as bash, which makes bytes of escapes within $'...'."""
    shown = printable(word)
    if "\\" not in shown:
        return shlex.quote(shown)
    return "$'" + shown.replace("'", "\\'") + "'"


def _forget_oldest(remembered: OrderedDict[str, Any], most: int) -> None:
    if len(remembered) > most:
        remembered.popitem(last=False)
