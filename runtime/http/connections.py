"""Open connections of one HTTP server: their deadlines, their number, and their log lines.

Each connection is in one phase. A phase has one fixed duration, so the connections of a phase are
due in the order in which they entered it, and a look at all deadlines costs what has expired.
No byte that a client sends moves a deadline; only the next phase does.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import fcntl
import resource
import select
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from time import monotonic
from typing import Protocol

from runtime.http.metrics import HTTP_CONNECTIONS, HTTP_OPEN_FILES_LIMIT, HTTP_REFUSED
from runtime.line_limit import LineLimit
from runtime.logs import get_logger

log = get_logger(__name__)

MAX_BACKLOG = 2048
# Up to 40 threads read files of the page, beside the connections to Redis.
MIN_RESERVED_FILES = 64
# From this share of the limit on, idle connections make room and the log says so.
NEARLY_FULL = 0.8


@dataclass(frozen=True)
class HttpLimits:
    """Limits of one client, in bytes and seconds.

    Attributes:
        head_bytes: The longest request head, with the empty lines before it.
        head_seconds: From the accept or the first byte of a head to its end.
        idle_seconds: How long a connection is kept without a request.
        write_seconds: How long a client may take nothing of an answer.
        answer_seconds: How long a client may take for an answer that is no stream.
        ending_seconds: How long what a client still sends is read after the last answer.
        unread_bytes: How much of what a client sends beside its request is read.
        evict_seconds: How long a connection is safe from making room for others.
        sweep_seconds: The time between two looks at the deadlines.

    """

    head_bytes: int = 64 * 1024
    head_seconds: float = 20.0
    idle_seconds: float = 620.0
    write_seconds: float = 30.0
    answer_seconds: float = 300.0
    ending_seconds: float = 2.0
    unread_bytes: int = 64 * 1024
    evict_seconds: float = 1.0
    sweep_seconds: float = 1.0


class Phase(enum.Enum):
    """State of a connection; only ANSWER has no deadline of its own."""

    HEAD = "head"
    ANSWER = "answer"
    IDLE = "idle"
    ENDING = "ending"


class Connection(Protocol):
    """Interface of a connection for the registry."""

    phase: Phase
    transport: asyncio.Transport

    @property
    def host(self) -> str:
        """Return the address of the other end."""

    @property
    def is_streaming(self) -> bool:
        """Return whether a stream cuts the connection off if the client does not read."""

    def expire(self) -> None:
        """End the connection, whose phase has lasted too long."""


@dataclass
class _Blocked:
    """An answer that the system did not take at once."""

    since: float = field(default_factory=monotonic)
    progress_at: float = field(default_factory=monotonic)
    unsent: int = sys.maxsize


def open_files_limit() -> int:
    """Return how many files this process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def unsent_bytes(transport: asyncio.Transport) -> int:
    """Return how many bytes wait here and in the system until the client takes them."""
    waiting = transport.get_write_buffer_size()
    with contextlib.suppress(OSError, ValueError):
        # The system takes more of us only after much of what it has is gone.
        fileno = transport.get_extra_info("socket").fileno()
        waiting += int.from_bytes(fcntl.ioctl(fileno, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return waiting


def _fileno(connection: Connection) -> int:
    fileno: int = connection.transport.get_extra_info("socket").fileno()
    return fileno


class Connections:
    """Every open connection of a server.

    Args:
        limits: The times and sizes.
        open_files: How many files the process may have open; by default, what the system allows.

    """

    def __init__(self, limits: HttpLimits, open_files: int | None = None) -> None:
        self.limits = limits
        self._open_files = open_files_limit() if open_files is None else open_files
        self._reserved = max(self._open_files // 16, MIN_RESERVED_FILES)
        self._max_files = max(1, self._open_files - self._reserved)
        self._seconds = {
            Phase.HEAD: limits.head_seconds,
            Phase.ANSWER: float("inf"),
            Phase.IDLE: limits.idle_seconds,
            Phase.ENDING: limits.ending_seconds,
        }
        self._due: dict[Phase, dict[Connection, float]] = {phase: {} for phase in Phase}
        self._blocked: dict[Connection, _Blocked] = {}
        self._half_closed: set[Connection] = set()
        # Refused or closed for others, by the files that they have not yet given back.
        self._leaving: dict[Connection, int] = {}
        self._lines = LineLimit()
        self._full_lines = LineLimit(60.0)
        HTTP_OPEN_FILES_LIMIT.set(self._max_files)

    def __len__(self) -> int:
        return sum(map(len, self._due.values()))

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._due[connection.phase]

    @property
    def backlog(self) -> int:
        """Return how many connections may wait; one turn of the loop accepts all of them."""
        return min(self._reserved // 2, MAX_BACKLOG)

    def admit(self, connection: Connection) -> bool:
        """Add a new connection, or return False if there is no room for it.

        A refused one enters ENDING, so that it can still read why; if even that is too much, it is
        not added at all.
        """
        # The system gives the lowest free number, so at least so many files are open.
        used = _fileno(connection) + 1
        if used >= NEARLY_FULL * self._max_files:
            self._say_nearly_full(used)
            if not self._make_room(used):
                self._refuse(connection, used)
                return False
        self._add(connection)
        return True

    def move(self, connection: Connection, phase: Phase) -> None:
        """Let a connection enter a phase, whose time begins now."""
        if self._due[connection.phase].pop(connection, None) is None:
            return
        connection.phase = phase
        self._due[phase][connection] = monotonic() + self._seconds[phase]

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        if self._due[connection.phase].pop(connection, None) is not None:
            HTTP_CONNECTIONS.dec()
        self._blocked.pop(connection, None)
        self._half_closed.discard(connection)
        self._leaving.pop(connection, None)

    def block(self, connection: Connection) -> None:
        """Note that the system takes no more for a client."""
        self._blocked[connection] = _Blocked()

    def unblock(self, connection: Connection) -> None:
        """Note that the system has taken all for a client."""
        self._blocked.pop(connection, None)

    def half_close(self, connection: Connection) -> None:
        """Note that a client sends no more; nobody but `look_after` notices when it is gone."""
        self._half_closed.add(connection)

    def refused(self, connection: Connection, reason: str, why: str) -> None:
        """Count and log that a connection or its request was refused, a few lines per client.

        Args:
            connection: The connection.
            reason: The metric's label; one of a few words.
            why: The same for people.

        """
        HTTP_REFUSED.labels(reason).inc()
        # A server that is full says so for all clients together.
        suppressed = self._lines.admit("" if reason == "files" else connection.host)
        if suppressed is not None:
            log.warning(
                "connection refused" if reason == "files" else "request refused",
                client=connection.host,
                reason=why,
                connections=len(self),
                open_files_limit=self._open_files,
                suppressed=suppressed,
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
            now = monotonic()
            self._expire(now)
            self._cut_off_blocked(now)
            self._drop_gone()

    def _add(self, connection: Connection) -> None:
        self._due[connection.phase][connection] = monotonic() + self._seconds[connection.phase]
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

    def _cut_off_blocked(self, now: float) -> None:
        for connection, blocked in list(self._blocked.items()):
            if connection.is_streaming:
                continue
            unsent = unsent_bytes(connection.transport)
            if unsent < blocked.unsent:
                blocked.unsent, blocked.progress_at = unsent, now
            if (
                now - blocked.progress_at > self.limits.write_seconds
                or now - blocked.since > self.limits.answer_seconds
            ):
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
        """Close others for a new connection; return whether it may stay.

        Many are accepted in one turn of the loop, and what is closed gives its file back only
        later. So those that are leaving count as gone.
        """
        excess = self._excess(used)
        for connection in list(islice(self._due[Phase.IDLE], max(excess, 1))):
            self._leaving[connection] = _fileno(connection)
            HTTP_REFUSED.labels("idle").inc()
            self.move(connection, Phase.ENDING)
            connection.transport.close()
        excess = self._excess(used)
        for connection in list(islice(self._slow(), max(excess, 0))):
            self._leaving[connection] = _fileno(connection)
            self.refused(connection, "slow", "too slow while others wait for a connection")
            connection.transport.abort()
        return self._excess(used) <= 0

    def _excess(self, used: int) -> int:
        """Return how many of the first `used` files are too many once all have left that do."""
        if used <= self._max_files:
            return 0
        return used - self._max_files - sum(fileno < used for fileno in self._leaving.values())

    def _refuse(self, connection: Connection, used: int) -> None:
        self.refused(connection, "files", "too many open files")
        self._leaving[connection] = used - 1
        connection.phase = Phase.ENDING
        if used <= self._max_files + self._reserved // 2:
            self._add(connection)

    def _slow(self) -> Iterator[Connection]:
        """Yield the clients that have had their answer, or take long to ask or to read."""
        latest = monotonic() - self.limits.evict_seconds
        heads, seconds = self._due[Phase.HEAD], self.limits.head_seconds
        for connection, since in chain(
            ((connection, latest) for connection in self._due[Phase.ENDING]),
            ((connection, due_at - seconds) for connection, due_at in heads.items()),
            ((connection, blocked.since) for connection, blocked in self._blocked.items()),
        ):
            if since <= latest and not (connection in self._leaving or connection.is_streaming):
                yield connection

    def _say_nearly_full(self, used: int) -> None:
        # From the last one on, the system refuses connections without a word to anybody.
        event = "open files near limit" if used < self._open_files else "open files exhausted"
        suppressed = self._full_lines.admit(event)
        if suppressed is not None:
            log.warning(
                event,
                open_files=used,
                open_files_limit=self._open_files,
                connections=len(self),
                connections_refused_from=self._max_files,
                advice="raise the limit (ulimit -n) or start another replica",
            )
