"""Open connections of one HTTP server: their deadlines, their number, and their log lines.

Each connection is in one phase. A phase has one fixed duration, so the connections of a phase are
due in the order in which they entered it, and a look at all deadlines costs what has expired.
No byte that a client sends moves a deadline; only the next phase does.
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
    """State of a connection; only ANSWER has no deadline of its own."""

    HEAD = "head"
    ANSWER = "answer"
    IDLE = "idle"
    ENDING = "ending"


class HttpConnection(Writing, Protocol):
    """Interface of a connection for the registry."""

    phase: Phase

    @property
    def host(self) -> str:
        """Return the address of the other end."""

    def expire(self) -> None:
        """End the connection, whose phase has lasted too long."""


def _fileno(connection: HttpConnection) -> int:
    fileno: int = connection.transport.get_extra_info("socket").fileno()
    return fileno


class Connections:
    """Every open connection of a server.

    Args:
        limits: The times and sizes.
        open_files: How many files the process may have open; by default, what the system allows.
        clock: Returns steady seconds.

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
        """Return how many connections may wait; one turn of the loop accepts all of them."""
        return min(self._files.reserved // 2, MAX_BACKLOG)

    def admit(self, connection: HttpConnection) -> bool:
        """Add a new connection, or return False if there is no room for it.

        A refused one enters ENDING, so that it can still read why; if even that is too much, it is
        not added at all.
        """
        # The system gives the lowest free number, so at least so many files are open.
        used = _fileno(connection) + 1
        if self._files.is_nearly_full(used):
            self._files.log_nearly_full(used, len(self))
            if not self._make_room(used):
                self._refuse(connection, used)
                return False
        self._add(connection)
        return True

    def move(self, connection: HttpConnection, phase: Phase) -> None:
        """Let a connection enter a phase, whose time begins at this moment."""
        if self._due[connection.phase].pop(connection, None) is None:
            return
        connection.phase = phase
        self._due[phase][connection] = self._clock() + self._seconds[phase]

    def remove(self, connection: HttpConnection) -> None:
        """Forget a connection that is closed."""
        if self._due[connection.phase].pop(connection, None) is not None:
            HTTP_CONNECTIONS.dec()
        self._unread.remove(connection)
        self._half_closed.discard(connection)
        self._files.forget(connection)

    def block(self, connection: HttpConnection) -> None:
        """Note that the system takes no more for a client."""
        self._unread.add(connection, self._clock())

    def unblock(self, connection: HttpConnection) -> None:
        """Note that the system has taken all for a client."""
        self._unread.remove(connection)

    def half_close(self, connection: HttpConnection) -> None:
        """Note that a client sends no more; nobody but `look_after` notices when it is gone."""
        self._half_closed.add(connection)

    def refused(self, connection: HttpConnection, reason: str, why: str) -> None:
        """Count and log that a connection or its request was refused, a few lines per client.

        Args:
            connection: The connection.
            reason: The metric's label; one of a few words.
            why: The same for people.

        """
        HTTP_REFUSED.labels(reason).inc()
        # A server that is full says so for all clients together.
        if self._lines.admits("" if reason == "files" else connection.host):
            log.warning(
                "connection refused" if reason == "files" else "request refused",
                client=connection.host,
                reason=why,
                connections=len(self),
                open_files_limit=self._files.limit,
                suppressed=self._lines.take_suppressed().total(),
            )

    def abort_all(self) -> None:
        """Close every connection at once."""
        for due in self._due.values():
            for connection in list(due):
                connection.transport.abort()

    async def look_after(self) -> None:
        """End what is due or gone, for ever."""
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            now = self._clock()
            self._expire(now)
            self._cut_off_unread(now)
            self._drop_gone()

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

    def _cut_off_unread(self, now: float) -> None:
        for connection in self._unread.overdue(now):
            self.refused(connection, "unread", "the answer was not read in time")
            connection.transport.abort()

    def _drop_gone(self) -> None:
        """Close half-closed connections whose other direction is gone too."""
        if not self._half_closed:
            return
        poll, connections = select.poll(), {}
        for connection in self._half_closed:
            # A transport that is closing may have given its descriptor back.
            if not connection.transport.is_closing():
                fileno = _fileno(connection)
                connections[fileno] = connection
                poll.register(fileno, 0)
        for fileno, _ in poll.poll(0):
            connections[fileno].transport.abort()

    def _make_room(self, used: int) -> bool:
        """Close others for a new connection; return whether it may stay."""
        excess = self._files.excess(used)
        for connection in list(islice(self._due[Phase.IDLE], max(excess, 1))):
            self._files.leave(connection, _fileno(connection))
            HTTP_REFUSED.labels("idle").inc()
            self.move(connection, Phase.ENDING)
            connection.transport.close()
        excess = self._files.excess(used)
        for connection in list(islice(self._slow(), max(excess, 0))):
            self._files.leave(connection, _fileno(connection))
            self.refused(connection, "slow", "too slow while others wait for a connection")
            connection.transport.abort()
        return self._files.excess(used) <= 0

    def _refuse(self, connection: HttpConnection, used: int) -> None:
        self.refused(connection, "files", "too many open files")
        self._files.leave(connection, used - 1)
        connection.phase = Phase.ENDING
        if used <= self._files.max_files + self._files.reserved // 2:
            self._add(connection)

    def _slow(self) -> Iterator[HttpConnection]:
        """Yield the clients that have had their answer, or take long to ask or to read."""
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
