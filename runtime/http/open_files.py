"""Bound the number of connections by the limit of open files of this process."""

from __future__ import annotations

import resource
import sys

from runtime.http.metrics import HTTP_OPEN_FILES_LIMIT
from runtime.limited_log import LineLimit
from runtime.logs import get_logger

log = get_logger(__name__)

# For connections to Redis, and for up to 40 threads that read files of the page.
MIN_RESERVED_FILES = 64
# From this share of the limit on, idle connections are closed for new ones and a line is logged.
NEARLY_FULL_SHARE = 0.8
NEARLY_FULL_LOG_INTERVAL = 60.0


def open_files_limit() -> int:
    """Return the limit of open files of this process."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class OpenFiles:
    """A count of open files, derived from the newest descriptor.

    The system assigns the lowest free descriptor, so all lower ones are in use. The event loop may
    accept many connections before it closes the sockets of others, so connections that are about
    to be closed are subtracted.

    Args:
        limit: The limit of open files of the process.

    Attributes:
        limit: The limit of open files of the process.
        reserved: The number of files that are not available to connections.
        max_files: The number of open files from which on new connections are refused.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserved = max(limit // 16, MIN_RESERVED_FILES)
        self.max_files = max(1, limit - self.reserved)
        # The descriptors of connections that are about to be closed.
        self._leaving: dict[object, int] = {}
        self._lines = LineLimit(NEARLY_FULL_LOG_INTERVAL)
        HTTP_OPEN_FILES_LIMIT.set(self.max_files)

    def leave(self, connection: object, fileno: int) -> None:
        """Note that a connection is about to close its descriptor `fileno`."""
        self._leaving[connection] = fileno

    def forget(self, connection: object) -> None:
        """Forget a connection that has closed its descriptor."""
        self._leaving.pop(connection, None)

    def is_leaving(self, connection: object) -> bool:
        """Return whether a connection is about to close its descriptor."""
        return connection in self._leaving

    def is_nearly_full(self, used: int) -> bool:
        """Return whether idle connections must be closed for new ones if `used` files are open."""
        return used >= NEARLY_FULL_SHARE * self.max_files

    def excess(self, used: int) -> int:
        """Return how far `used` will exceed `max_files` when all leaving connections are closed."""
        if used <= self.max_files:
            return 0
        return used - self.max_files - sum(fileno < used for fileno in self._leaving.values())

    def log_nearly_full(self, used: int, connections: int) -> None:
        """Log that the limit is near or reached, at most one line of each per interval.

        Args:
            used: The number of open files.
            connections: The number of open connections.
        """
        fields = {
            "open_files": used,
            "open_files_limit": self.limit,
            "connections": connections,
            "connections_refused_from": self.max_files,
            "advice": "raise the limit (ulimit -n) or start another replica",
        }
        if used < self.limit:
            if self._lines.admits("near"):
                log.warning("open files near limit", **fields)
        elif self._lines.admits("exhausted"):
            # With no free descriptor the system itself refuses connections, and nothing logs them.
            log.warning("open files exhausted", **fields)
