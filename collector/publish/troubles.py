"""Troubles of this collector with Redis: each is logged once, and listed in /healthz.

Every part of the collector that meets an error of Redis says it here, so that an outage is a few
lines of log and not one for each call, each symbol or each second.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from collector.feed.budget import Budget
from collector.metrics import CORRUPT_KEYS
from runtime.logs import get_logger
from runtime.redis.errors import Reason, Trouble, describe

log = get_logger(__name__)

# Lines about one thing, however often it changes.
MOST_LINES = 5
LINES_SECONDS = 60.0
# What /healthz lists; with a thousand symbols in trouble the first tell enough.
MOST_LISTED = 10


class _Open(NamedTuple):
    event: str
    trouble: Trouble


class Troubles:
    """Troubles that last, by the name of what has them: a key, a symbol, a node.

    Args:
        most_lines: How many lines one thing may have in `seconds`.
        seconds: See `most_lines`.
        clock: A steady clock in seconds.
    """

    def __init__(
        self,
        most_lines: int = MOST_LINES,
        seconds: float = LINES_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most_lines = most_lines
        self._seconds = seconds
        self._clock = clock
        self._open: dict[str, _Open] = {}
        self._logged: dict[str, tuple[str, str]] = {}
        self._budgets: dict[str, Budget] = {}

    def say(self, what: str, event: str, error: Exception, node: object = None) -> Trouble:
        """Log that `what` meets `error`, unless the last line about it said the same.

        Returns:
            What the error means.
        """
        trouble = describe(error, node)
        self._open[what] = _Open(event, trouble)
        if self._logged.get(what) != (event, trouble.says) and self.may_log(what):
            self._logged[what] = (event, trouble.says)
            log.error(
                event,
                what=what,
                reason=trouble.reason.value,
                error=trouble.text,
                advice=trouble.advice,
            )
        return trouble

    def say_corrupt(self, key: str, wrong: str) -> None:
        """Log that `key` holds what it cannot hold, with the command that removes it."""
        text = f"{key} {wrong}"
        repair = f"redis-cli DEL {shlex.quote(key)}"
        event = "a key in redis is corrupt, left as it is"
        trouble = Trouble(Reason.WRONG_TYPE, text, f"run {repair}", text)
        if key not in self._open:
            CORRUPT_KEYS.labels(_kind(key), "left").inc()
        self._open[key] = _Open(event, trouble)
        if self._logged.get(key) != (event, text) and self.may_log(key):
            self._logged[key] = (event, text)
            log.error(event, key=key, wrong=wrong, repair=repair)

    def say_repaired(self, key: str, wrong: str) -> None:
        """Log that `key` held what it cannot hold, and that a script has repaired it."""
        CORRUPT_KEYS.labels(_kind(key), "repaired").inc()
        if self.may_log(f"repairs of {key}"):
            log.error("a key in redis was corrupt, repaired", key=key, wrong=wrong)

    def over(self, what: str, event: str) -> None:
        """Log, if its trouble was logged, that `what` is well again."""
        if what in self._open:
            del self._open[what]
            if self._logged.pop(what, None) is not None:
                log.info(event, what=what)

    @property
    def lasting(self) -> bool:
        """Return whether any trouble lasts."""
        return bool(self._open)

    def may_log(self, what: str) -> bool:
        """Take one of the lines that `what` may have, if one is left."""
        budget = self._budgets.get(what)
        if budget is None:
            budget = self._budgets[what] = Budget(self._most_lines, self._seconds)
        return budget.take(self._clock())

    def describe(self) -> dict[str, object]:
        """Return the troubles that last, for people."""
        listed = [
            {
                "what": what,
                "reason": trouble.reason.value,
                "error": trouble.text,
                "advice": trouble.advice,
            }
            for what, (_, trouble) in list(self._open.items())[:MOST_LISTED]
        ]
        return {"status": "trouble" if listed else "ok", "troubles": listed}


def _kind(key: str) -> str:
    """Return what kind of key it is, such as `book` or `lease`."""
    return key.split(":")[1]
