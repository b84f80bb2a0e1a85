"""Troubles of this collector with Redis: each is logged once, and listed in /healthz.

All parts of the collector report errors of Redis here. So an outage is a few lines of the log, not
one line for each call, symbol or second.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from collector.metrics import CORRUPT_KEYS, LASTING_CORRUPT_KEYS
from runtime.limited_log import LineLimit
from runtime.logs import get_logger
from runtime.redis.errors import Reason, Trouble, describe
from runtime.redis.repair import repair_command

log = get_logger(__name__)

# The most lines about one subject in each LINES_INTERVAL.
MAX_LINES = 5
LINES_INTERVAL = 60.0
# The most troubles that /healthz lists.
MAX_LISTED = 10


class Troubles:
    """Troubles that last, by subject: a key, a symbol or a node.

    Args:
        max_lines: The most lines about one subject in each period of `seconds`.
        seconds: See `max_lines`.
        clock: Returns steady seconds.
    """

    def __init__(
        self,
        max_lines: int = MAX_LINES,
        seconds: float = LINES_INTERVAL,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._lines = LineLimit(seconds, max_lines, clock=clock)
        self._lasting: dict[str, Trouble] = {}
        self._corrupt: set[str] = set()
        self._logged: dict[str, str] = {}

    def begin(
        self, subject: str, error: Exception, node: object = None
    ) -> dict[str, object] | None:
        """Add the trouble of `subject`, or update it if it lasts.

        Args:
            subject: A name for the key, the symbol or the node.
            error: The error of Redis.
            node: The node that was called; its address is added to the error.

        Returns:
            Fields of the line to log; None if the last line about the subject had the same meaning.
        """
        trouble = describe(error, node)
        self._lasting[subject] = trouble
        if not self._is_line_due(subject, trouble.summary):
            return None
        return {
            "subject": subject,
            "reason": trouble.reason.value,
            "error": trouble.text,
            "advice": trouble.advice,
        }

    def begin_corrupt(self, key: str, wrong: str) -> None:
        """Add the trouble of a corrupt key, and log the command that removes the key."""
        text = f"{key} {wrong}"
        repair = repair_command("DEL", key)
        if key not in self._corrupt:
            self._corrupt.add(key)
            CORRUPT_KEYS.labels(_kind(key), "left").inc()
            LASTING_CORRUPT_KEYS.labels(_kind(key)).inc()
        self._lasting[key] = Trouble(Reason.WRONG_TYPE, text, f"run {repair}", text)
        if self._is_line_due(key, text):
            log.error("redis key corrupt, left unchanged", key=key, wrong=wrong, repair=repair)

    def log_repaired(self, key: str, wrong: str) -> None:
        """Count and log that a script has repaired a corrupt key."""
        CORRUPT_KEYS.labels(_kind(key), "repaired").inc()
        if self.may_log(f"repairs of {key}"):
            log.error("redis key corrupt, repaired", key=key, wrong=wrong)

    def end(self, subject: str) -> bool:
        """Remove the trouble of `subject`; log the end if it is a key that was corrupt.

        Returns:
            Whether the caller is to log the end of another trouble.
        """
        was_corrupt = subject in self._corrupt
        was_logged = self._remove(subject)
        if was_logged and was_corrupt:
            log.info("redis key usable again", key=subject)
        return was_logged and not was_corrupt

    def drop(self, subject: str) -> None:
        """Remove the trouble of a subject that is not used any more."""
        if self._remove(subject):
            log.info("redis trouble dropped, its subject is not used any more", subject=subject)

    def _remove(self, subject: str) -> bool:
        """Remove a trouble; return whether it was logged."""
        if subject in self._corrupt:
            self._corrupt.remove(subject)
            LASTING_CORRUPT_KEYS.labels(_kind(subject)).dec()
        was_lasting = self._lasting.pop(subject, None) is not None
        return self._logged.pop(subject, None) is not None and was_lasting

    @property
    def has_lasting(self) -> bool:
        """Whether any trouble lasts."""
        return bool(self._lasting)

    def may_log(self, subject: str) -> bool:
        """Count a line about `subject`; return whether it may be written."""
        return self._lines.admits(subject)

    def describe(self) -> dict[str, object]:
        """Return the troubles that last, for /healthz and `kraken:feed`."""
        listed = [
            {
                "what": subject,
                "reason": trouble.reason.value,
                "error": trouble.text,
                "advice": trouble.advice,
            }
            for subject, trouble in list(self._lasting.items())[:MAX_LISTED]
        ]
        return {"status": "trouble" if listed else "ok", "troubles": listed}

    def _is_line_due(self, subject: str, meaning: str) -> bool:
        if self._logged.get(subject) == meaning or not self.may_log(subject):
            return False
        self._logged[subject] = meaning
        return True


def _kind(key: str) -> str:
    """Return the kind of a key, such as `book` or `lease`."""
    return key.split(":")[1]
