"""Troubles of this collector with Redis: each is logged once, and listed in /healthz.

All parts of the collector report errors of Redis here, so that an outage is a few lines of the log
and not one line for each call, symbol or second.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from collector.metrics import CORRUPT_KEYS
from runtime.limited_log import LineLimit
from runtime.logs import get_logger
from runtime.redis.errors import Reason, Trouble, describe
from runtime.redis.repair import repair_command

log = get_logger(__name__)

# How many lines about one subject there may be in LINES_INTERVAL.
MAX_LINES = 5
LINES_INTERVAL = 60.0
# How many troubles /healthz lists: of a thousand symbols in trouble the first tell enough.
MAX_LISTED = 10


class _Open(NamedTuple):
    event: str
    trouble: Trouble


class Troubles:
    """Troubles that last, each by its subject: a key, a symbol or a node.

    Args:
        max_lines: How many lines one subject may have in `seconds`.
        seconds: See `max_lines`.
        clock: A steady clock in seconds.
    """

    def __init__(
        self,
        max_lines: int = MAX_LINES,
        seconds: float = LINES_INTERVAL,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._lines = LineLimit(seconds, max_lines, clock=clock)
        self._open: dict[str, _Open] = {}
        self._logged: dict[str, tuple[str, str]] = {}

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
        repair = repair_command("DEL", key)
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
        """Log that `what` is well again, if its trouble was logged."""
        if what in self._open:
            del self._open[what]
            if self._logged.pop(what, None) is not None:
                log.info(event, what=what)

    @property
    def lasting(self) -> bool:
        """Return whether any trouble lasts."""
        return bool(self._open)

    def may_log(self, what: str) -> bool:
        """Count a line about `what`; return whether it may be written."""
        return self._lines.admits(what)

    def describe(self) -> dict[str, object]:
        """Return the troubles that last, for people."""
        listed = [
            {
                "what": what,
                "reason": trouble.reason.value,
                "error": trouble.text,
                "advice": trouble.advice,
            }
            for what, (_, trouble) in list(self._open.items())[:MAX_LISTED]
        ]
        return {"status": "trouble" if listed else "ok", "troubles": listed}


def _kind(key: str) -> str:
    """Return what kind of key it is, such as `book` or `lease`."""
    return key.split(":")[1]
