"""The open connections of one HTTP server: their deadlines, number and log lines.

Each connection is in one phase. All connections of a phase have the same duration, so they expire
in the order in which they entered it, and a sweep visits only expired ones. Bytes from a client
never move a deadline; only the next phase does.
"""

from __future__ import annotations

import asyncio
import enum
import select
from collections.abc import Callable, Iterator
from itertools import chain, islice
from time import monotonic
from typing import Protocol

from runtime.http.limits import HttpLimits
from runtime.http.metrics import HTTP_CONNECTIONS, HTTP_REFUSED
from runtime.http.open_files import OpenFiles, open_files_limit
from runtime.http.unread import UnreadAnswers, Writing
from runtime.limited_log import LineLimit
from runtime.logs import get_logger

log = get_logger(__name__)

MAX_BACKLOG = 2048
REFUSED_LOG_INTERVAL = 10.0
MAX_REFUSED_LINES = 20


class Phase(enum.Enum):
    """The state of a connection; ANSWER has no duration, but see `UnreadAnswers`."""

    HEAD = "head"
    ANSWER = "answer"
    IDLE = "idle"
    ENDING = "ending"


class HttpConnection(Writing, Protocol):
    """Interface of a connection for the registry."""

    phase: Phase

    @property
    def host(self) -> str:
        """Return the client's address."""

    def expire(self) -> None:
        """End the connection because its phase has lasted too long."""


def _fileno(connection: HttpConnection) -> int:
    fileno: int = connection.transport.get_extra_info("socket").fileno()
    return fileno


class Connections:
    """All open connections of a server.

    Args:
        limits: The limits of each client.
        open_files: The limit of open files; None means the limit of this process.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        limits: HttpLimits,
        open_files: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._seconds = {
            Phase.HEAD: limits.head_seconds,
            Phase.ANSWER: float("inf"),
            Phase.IDLE: limits.idle_seconds,
            Phase.ENDING: limits.ending_seconds,
        }
        self._due: dict[Phase, dict[HttpConnection, float]] = {phase: {} for phase in Phase}
        self._files = OpenFiles(open_files_limit() if open_files is None else open_files)
        self._unread: UnreadAnswers[HttpConnection] = UnreadAnswers(
            limits.write_seconds, limits.answer_seconds
        )
        self._half_closed: set[HttpConnection] = set()
        self._lines = LineLimit(REFUSED_LOG_INTERVAL, together=MAX_REFUSED_LINES, clock=clock)

    def __len__(self) -> int:
        return sum(map(len, self._due.values()))

    def __contains__(self, connection: HttpConnection) -> bool:
        return connection in self._due[connection.phase]

    @property
    def backlog(self) -> int:
        """Return the listen backlog; the event loop may accept all of it at once."""
        return min(self._files.reserved // 2, MAX_BACKLOG)

    def admit(self, connection: HttpConnection) -> bool:
        """Add a new connection if there is room; close idle or slow ones for it if necessary.

        A refused connection is added in phase ENDING, so that the client can read the refusal. If
        there is no room even for that, it is not added.

        Returns:
            Whether the connection is accepted.
        """
        if self._is_full() and not self._close_idle():
            self._refuse_full(connection)
            return False
        # The system assigns the lowest free descriptor, so at least this many files are open.
        used = _fileno(connection) + 1
        if self._files.is_nearly_full(used):
            self._files.log_nearly_full(used, len(self))
            if not self._make_room(used):
                self._refuse(connection, used)
                return False
        self._add(connection)
        return True

    def move(self, connection: HttpConnection, phase: Phase) -> None:
        """Move a connection to a phase and start the phase's time."""
        if self._due[connection.phase].pop(connection, None) is None:
            return
        connection.phase = phase
        self._due[phase][connection] = self._clock() + self._seconds[phase]

    def remove(self, connection: HttpConnection) -> None:
        """Remove a closed connection."""
        if self._due[connection.phase].pop(connection, None) is not None:
            HTTP_CONNECTIONS.dec()
        self._unread.remove(connection)
        self._half_closed.discard(connection)
        self._files.forget(connection)

    def block(self, connection: HttpConnection) -> None:
        """Note that the socket's send buffer is full."""
        self._unread.add(connection, self._clock())

    def unblock(self, connection: HttpConnection) -> None:
        """Note that the socket accepts bytes again."""
        self._unread.remove(connection)

    def half_close(self, connection: HttpConnection) -> None:
        """Note that a client has closed its direction; `sweep_forever` finds when it is gone."""
        self._half_closed.add(connection)

    def count_refusal(self, connection: HttpConnection, reason: str, why: str) -> None:
        """Count and log a refused request, at most one line per client and window.

        Args:
            connection: The connection.
            reason: The label of the metric.
            why: The reason in words, for the log.
        """
        HTTP_REFUSED.labels(reason).inc()
        if self._lines.admits(connection.host):
            log.warning("request refused", **self._refusal_fields(connection, why))

    def abort_all(self) -> None:
        """Abort every connection."""
        for due in self._due.values():
            for connection in list(due):
                connection.transport.abort()

    async def sweep_forever(self) -> None:
        """End expired, unread and abandoned connections, every `sweep_seconds`."""
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            now = self._clock()
            self._expire(now)
            self._abort_unread(now)
            self._abort_gone()

    def _add(self, connection: HttpConnection) -> None:
        self._due[connection.phase][connection] = self._clock() + self._seconds[connection.phase]
        HTTP_CONNECTIONS.inc()

    def _expire(self, now: float) -> None:
        for due in self._due.values():
            expired = []
            for connection, due_at in due.items():
                if due_at > now:
                    break
                expired.append(connection)
            for connection in expired:
                connection.expire()

    def _abort_unread(self, now: float) -> None:
        for connection in self._unread.overdue(now):
            self.count_refusal(connection, "unread", "the answer was not read in time")
            connection.transport.abort()

    def _abort_gone(self) -> None:
        """Abort half-closed connections if the client is gone; asyncio does not notice it."""
        if not self._half_closed:
            return
        poll, connections = select.poll(), {}
        for connection in self._half_closed:
            # The socket of a closing transport may already be closed.
            if not connection.transport.is_closing():
                fileno = _fileno(connection)
                connections[fileno] = connection
                poll.register(fileno, 0)
        for fileno, _ in poll.poll(0):
            connections[fileno].transport.abort()

    def _make_room(self, used: int) -> bool:
        """Close idle, then slow connections for a new one; return whether there is room now."""
        excess = self._files.excess(used)
        for connection in list(islice(self._due[Phase.IDLE], max(excess, 1))):
            self._files.leave(connection, _fileno(connection))
            HTTP_REFUSED.labels("idle").inc()
            self.move(connection, Phase.ENDING)
            connection.transport.close()
        excess = self._files.excess(used)
        for connection in list(islice(self._slow(), max(excess, 0))):
            self._files.leave(connection, _fileno(connection))
            self.count_refusal(connection, "slow", "too slow while others wait for a connection")
            connection.transport.abort()
        return self._files.excess(used) <= 0

    def _is_full(self) -> bool:
        most = self.limits.max_connections
        # Those in phase ENDING are refused already, or about to be closed.
        return most is not None and len(self) - len(self._due[Phase.ENDING]) >= most

    def _close_idle(self) -> bool:
        """Close the connection that has been idle for longest; return whether there is one."""
        for connection in islice(self._due[Phase.IDLE], 1):
            HTTP_REFUSED.labels("idle").inc()
            self.move(connection, Phase.ENDING)
            connection.transport.close()
            return True
        return False

    def _refuse_full(self, connection: HttpConnection) -> None:
        HTTP_REFUSED.labels("connections").inc()
        if self._lines.admits(""):
            why = "as many connections as allowed"
            log.warning("connection refused", **self._refusal_fields(connection, why))
        connection.phase = Phase.ENDING
        # As many may wait to read the refusal as may be served.
        if len(self._due[Phase.ENDING]) < (self.limits.max_connections or 0):
            self._add(connection)

    def _refuse(self, connection: HttpConnection, used: int) -> None:
        HTTP_REFUSED.labels("files").inc()
        # One key for all clients: the server is full for each of them.
        if self._lines.admits(""):
            log.warning(
                "connection refused", **self._refusal_fields(connection, "too many open files")
            )
        self._files.leave(connection, used - 1)
        connection.phase = Phase.ENDING
        if used <= self._files.max_files + self._files.reserved // 2:
            self._add(connection)

    def _refusal_fields(self, connection: HttpConnection, why: str) -> dict[str, object]:
        return {
            "client": connection.host,
            "reason": why,
            "connections": len(self),
            "open_files_limit": self._files.limit,
            "suppressed": self._lines.take_suppressed().total(),
        }

    def _slow(self) -> Iterator[HttpConnection]:
        """Yield connections that are ending, or slow to send a request or to read an answer."""
        latest = self._clock() - self.limits.evict_seconds
        heads, seconds = self._due[Phase.HEAD], self.limits.head_seconds
        for connection, since in chain(
            ((connection, latest) for connection in self._due[Phase.ENDING]),
            ((connection, due_at - seconds) for connection, due_at in heads.items()),
            self._unread.since(),
        ):
            if since <= latest and not (
                self._files.is_leaving(connection) or connection.is_streaming
            ):
                yield connection
