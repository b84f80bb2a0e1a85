"""Open files of this process: how many connections may have, and how many are given back soon."""

from __future__ import annotations

import resource
import sys

from runtime.http.metrics import HTTP_OPEN_FILES_LIMIT
from runtime.limited_log import LineLimit
from runtime.logs import get_logger

log = get_logger(__name__)

# Up to 40 threads read files of the page, beside the connections to Redis.
MIN_RESERVED_FILES = 64
# From this share of the limit on, idle connections make room and the log says so.
NEARLY_FULL = 0.8
NEARLY_FULL_LOG_INTERVAL = 60.0


def open_files_limit() -> int:
    """Return how many files this process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class OpenFiles:
    """Count open files by the number of the newest, since the system gives the lowest free one.

    Many connections are accepted in one turn of the loop, and a closed one gives its file back only
    later. So connections that are leaving count as gone.

    Args:
        limit: How many files the process may have open.

    Attributes:
        limit: How many files the process may have open.
        reserved: How many of them are kept for other things than connections.
        max_files: From this number on there is no room for another connection.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserved = max(limit // 16, MIN_RESERVED_FILES)
        self.max_files = max(1, limit - self.reserved)
        # Refused or closed for others, by the files that they have not yet given back.
        self._leaving: dict[object, int] = {}
        self._lines = LineLimit(NEARLY_FULL_LOG_INTERVAL)
        HTTP_OPEN_FILES_LIMIT.set(self.max_files)

    def leave(self, connection: object, fileno: int) -> None:
        """Count a connection as gone that is about to close `fileno`."""
        self._leaving[connection] = fileno

    def forget(self, connection: object) -> None:
        """Forget a connection that has given its file back."""
        self._leaving.pop(connection, None)

    def is_leaving(self, connection: object) -> bool:
        """Return whether a connection is about to close its file."""
        return connection in self._leaving

    def is_nearly_full(self, used: int) -> bool:
        """Return whether connections must make room for others when `used` files are open."""
        return used >= NEARLY_FULL * self.max_files

    def excess(self, used: int) -> int:
        """Return how many of the first `used` files are too many once all have left that do."""
        if used <= self.max_files:
            return 0
        return used - self.max_files - sum(fileno < used for fileno in self._leaving.values())

    def log_nearly_full(self, used: int, connections: int) -> None:
        """Log, once in a while, that there is little room left.

        Args:
            used: How many files are open.
            connections: How many of them are connections.
        """
        # From the last file on, the system refuses connections without a word to anybody.
        event = "open files near limit" if used < self.limit else "open files exhausted"
        if self._lines.admits(event):
            log.warning(
                event,
                open_files=used,
                open_files_limit=self.limit,
                connections=connections,
                connections_refused_from=self.max_files,
                advice="raise the limit (ulimit -n) or start another replica",
            )
