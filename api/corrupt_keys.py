"""Which of our keys hold what no collector writes: each is told once, with the repair."""

from __future__ import annotations

import shlex
from collections import OrderedDict
from typing import NamedTuple

from api.json_text import printable
from api.metrics import CORRUPT_KEYS
from service.logs import get_logger

log = get_logger(__name__)

# Whoever fills our keys with rubbish fills no memory with it.
MAX_KEYS = 10_000
MAX_REASON = 200


class Corruption(NamedTuple):
    """Why a key's content is not ours, and the command that repairs it."""

    why: str
    repair: str


class CorruptKeys:
    """The corrupt keys that were met and are not known to be right again."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._corruptions: OrderedDict[str, Corruption] = OrderedDict()

    def get(self, key: str) -> Corruption | None:
        """Return what is wrong with `key`, None if nothing is known to be."""
        return self._corruptions.get(key)

    def found(self, key: str, why: str, *repair: str) -> Corruption:
        """Note that `key` holds what is not ours, for `why`; log it if that is new.

        `repair` are the words of the Redis command that repairs it.
        """
        command = printable(shlex.join(["redis-cli", *repair]), MAX_REASON)
        corruption = Corruption(printable(why, MAX_REASON), command)
        if key not in self._corruptions:
            log.error("corrupt redis key", key=printable(key), error=corruption.why, repair=command)
        self._corruptions[key] = corruption
        if len(self._corruptions) > self._max_keys:
            self._corruptions.popitem(last=False)
        CORRUPT_KEYS.set(len(self._corruptions))
        return corruption

    def is_right(self, key: str) -> None:
        """Note that `key` holds what a collector wrote; log it if that was not so."""
        if self._corruptions and self._corruptions.pop(key, None) is not None:
            log.info("corrupt redis key is right again", key=printable(key))
            CORRUPT_KEYS.set(len(self._corruptions))
