"""The Redis that a recording is replayed into: a lease, and writes that are repeated if necessary.

Replay writes like the collector of the only shard. So a collector and a replay, or two replays,
never write the same books at a time.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol, cast

import msgspec
from redis.exceptions import (
    BusyLoadingError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from kraken_book.backoff import Backoff
from kraken_book.contract.keys import (
    VENUES,
    WAKE_MAXLEN,
    book_key,
    events_key,
    feed_key,
    lease_key,
    symbols_key,
    wake_key,
)
from kraken_book.contract.script import LEASE, RELEASE, WRITE
from kraken_book.contract.symbol_state import SymbolState, encode_symbol_state
from kraken_book.contract.write import WriteCall
from kraken_book.position import Position
from kraken_book.recording.replay_url import make_client
from kraken_book.redis_url import without_password
from kraken_book.symbols import KRAKEN, pair_of, venue_of
from kraken_book.timestamps import rfc3339

__all__ = ["SHARD", "ReplayPatience", "ReplayStopped", "ReplayTarget"]

SHARD = "0/1"
"""The shard of a replay, which has all symbols."""
LEASE_MS = 5000
# Longer than a lease lives that nobody renews.
LEASE_WAIT = LEASE_MS / 1000 + 1
ASK_INTERVAL = 0.25
TIMEOUT = 5.0
LEAST_RETRY, MOST_RETRY = 0.05, 1.0

# The same commands may succeed later.
_PASSING = (BusyLoadingError, OutOfMemoryError, ReadOnlyError)

Command = tuple[Any, ...]

log = logging.getLogger("kraken_book.replay")


class ReplayStopped(Exception):
    """The replay cannot go on; the message says why."""


class ReplayPatience(Protocol):
    """How to wait."""

    @property
    def is_over(self) -> bool:
        """Whether the program should end."""

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the program should end."""


class ReplayTarget:
    """A connection to Redis.

    Args:
        url: The URL of one server; Unusable is raised if it is none.
        patience: Waits while Redis does not answer.
        lease_wait: Seconds to wait for the lease of another leader.
    """

    def __init__(self, url: str, patience: ReplayPatience, lease_wait: float = LEASE_WAIT) -> None:
        self._lease_wait = lease_wait
        self._shown = without_password(url)
        self._patience = patience
        # This class repeats commands itself, and ends if the program should end.
        self._redis = make_client(url, TIMEOUT)
        self._venues: tuple[str, ...] = (KRAKEN,)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        # Redis's time in microseconds, and when it came.
        self._time: tuple[int, float] | None = None

    @property
    def confirmed_at(self) -> str:
        """Now by Redis's clock, or a little before, RFC 3339."""
        assert self._time is not None, "connect() was not called"
        microseconds, came_at = self._time
        return rfc3339((microseconds + int((monotonic() - came_at) * 1e6)) * 1000)

    def connect(self) -> None:
        """Connect, and ask for the time.

        Raises:
            ReplayStopped: Redis does not answer, or refuses the connection.
        """
        try:
            self._ask_time()
        except (RedisError, OSError) as error:
            raise ReplayStopped(f"{self._shown} does not answer: {error}") from None

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def positions(self, symbols: Sequence[str]) -> dict[str, Position]:
        """Return the position of each symbol's last event in Redis; none if it has no events.

        Args:
            symbols: The symbols.
        """
        fields = ("stream_epoch", "stream_seq")
        replies = self.send([("HMGET", book_key(symbol), *fields) for symbol in symbols])
        ends = self.send(
            [("XREVRANGE", events_key(each), "+", "-", "COUNT", 1) for each in symbols]
        )
        found: dict[str, Position] = {}
        for symbol, hashed, entries in zip(symbols, replies, ends, strict=True):
            position = _position(hashed) or _position_of_entry(entries)
            if position is not None:
                found[symbol] = position
        return found

    def acquire_lease(self, newest: int, venues: Iterable[str] = (KRAKEN,)) -> None:
        """Acquire the lease of all symbols of some venues.

        A leader that was killed leaves a lease that ends soon, so wait for that.

        Args:
            newest: The newest epoch that was seen.
            venues: The venues of the books.

        Raises:
            ReplayStopped: A collector or another replay has a lease, and renews it.
        """
        self._venues = tuple(venues)
        deadline = monotonic() + self._lease_wait
        while True:
            try:
                for venue in self._venues:
                    self._require_no_other_leader(venue)
                self.renew_lease(newest)
            except ReplayStopped:
                if monotonic() >= deadline or self._patience.is_over:
                    self.release_lease()
                    raise
            else:
                return
            self._patience.wait(ASK_INTERVAL)

    def _require_no_other_leader(self, venue: str) -> None:
        """Raise ReplayStopped if another shard of a venue has a leader."""
        key = feed_key(venue)
        (names,) = self.send([("HKEYS", key)])
        for shard in {name.decode(errors="replace") for name in _list(names, key)} - {SHARD}:
            (lease,) = self.send([_lease_command(lease_key(shard, venue), "", 0)])
            if isinstance(lease, list) and len(lease) > 1:
                raise ReplayStopped(self._led_by(shard, venue, lease[1]))

    def renew_lease(self, newest: int) -> None:
        """Renew the lease.

        Args:
            newest: The newest epoch that was seen or written.

        Raises:
            ReplayStopped: Another program has it.
        """
        keys = self._lease_keys
        leases = self.send([_lease_command(key, self._owner, newest) for key in keys])
        for venue, key, lease in zip(self._venues, keys, leases, strict=True):
            if isinstance(lease, Exception):
                raise ReplayStopped(f"{key}: {lease}")
            if not lease[0]:
                raise ReplayStopped(self._led_by(SHARD, venue, lease[1]))

    def release_lease(self) -> None:
        """Give the leases back, so that a collector can lead at once."""
        self.send([("EVAL", RELEASE.text, 1, key, self._owner) for key in self._lease_keys])

    @property
    def _lease_keys(self) -> list[str]:
        return [lease_key(SHARD, venue) for venue in self._venues]

    def write(self, calls: Sequence[WriteCall]) -> list[object]:
        """Carry out calls, and wake readers.

        Args:
            calls: The calls, in order.

        Returns:
            The reply to each call, which may be an exception.
        """
        commands: list[Command] = [("EVALSHA", WRITE.sha, *call.arguments) for call in calls]
        written: dict[str, dict[str, None]] = {}
        for call in calls:
            if call.entries:
                written.setdefault(venue_of(call.symbol), {})[pair_of(call.symbol)] = None
        for venue, pairs in written.items():
            names = ",".join(pairs)
            commands.append(("XADD", wake_key(venue), "MAXLEN", "~", WAKE_MAXLEN, "*", "s", names))
        replies = self.send(commands)[: len(calls)]
        for reply in replies:
            if isinstance(reply, list):
                self._time = reply[2], monotonic()
        return replies

    def write_states(self, states: Mapping[str, SymbolState], report: Mapping[str, object]) -> None:
        """Write the states of the symbols, and the report of this program.

        Args:
            states: The states by symbol.
            report: What this program does.

        Raises:
            ReplayStopped: Redis refuses to write them.
        """
        leader = {"host": socket.gethostname(), "pid": os.getpid()}
        whole = msgspec.json.encode({"leader": leader, "at": self.confirmed_at, **report})
        keys = [feed_key(venue) for venue in self._venues]
        commands: list[Command] = [("HSET", key, SHARD, whole) for key in keys]
        commands.append(("SADD", VENUES, *self._venues))
        keys.append(VENUES)
        for symbol, state in states.items():
            keys.append(symbols_key(venue_of(symbol)))
            commands.append(("HSET", keys[-1], pair_of(symbol), encode_symbol_state(state)))
        for reply, key in zip(self.send(commands), keys, strict=True):
            if isinstance(reply, Exception):
                raise ReplayStopped(f"{key}: {reply}")

    def send(self, commands: Iterable[Command]) -> list[Any]:
        """Send commands together; repeat all of them until Redis answers.

        Args:
            commands: The commands, which may be carried out twice.

        Returns:
            The replies; errors of single commands are among them.

        Raises:
            ReplayStopped: The program should end, and Redis does not answer.
        """
        whole = list(commands)
        backoff = Backoff(LEAST_RETRY, MOST_RETRY)
        failure: Exception | None = None
        while True:
            try:
                replies = self._send_once(whole)
            except (NoConnection, NoAnswer, *_PASSING, OSError) as error:
                if failure is None:
                    log.warning("%s: no answer, trying again: %s", self._shown, error)
                failure = error
            else:
                if failure is not None:
                    log.warning("%s: answers again", self._shown)
                return replies
            if self._patience.is_over:
                raise ReplayStopped(f"{self._shown} does not answer: {failure}")
            self._patience.wait(backoff.next())

    def _send_once(self, commands: Sequence[Command]) -> list[Any]:
        replies = self._exchange(commands)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            self._exchange([("SCRIPT", "LOAD", WRITE.text)])
            replies = self._exchange(commands)
        for reply in replies:
            if isinstance(reply, (NoScriptError, *_PASSING)):
                raise NoAnswer(str(reply))
        return replies

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has none
        return pipeline.execute(raise_on_error=False)

    def _ask_time(self) -> None:
        seconds, microseconds = self._redis.time()
        self._time = seconds * 1_000_000 + microseconds, monotonic()

    def _led_by(self, shard: str, venue: str, owner: bytes) -> str:
        name = owner.decode(errors="replace")
        of_venue = "" if venue == KRAKEN else f" of {venue}"
        return (
            f"{self._shown}: {name} leads shard {shard}{of_venue}: stop this collector or replay"
            " first, or use another Redis"
        )


def _lease_command(key: str, owner: str, newest: int) -> Command:
    return ("EVAL", LEASE.text, 1, key, owner, LEASE_MS, newest)


def _list(reply: object, key: str) -> list[bytes]:
    if isinstance(reply, ResponseError):
        raise ReplayStopped(f"{key}: {reply}")
    return cast("list[bytes]", reply)


def _position(values: object) -> Position | None:
    """Return the position of two texts; None if they are no numbers."""
    if not isinstance(values, list | tuple):
        return None
    epoch, seq = values
    try:
        return Position(int(epoch), int(seq))
    except (TypeError, ValueError):
        return None


def _position_of_entry(entries: object) -> Position | None:
    if not isinstance(entries, list) or not entries:
        return None
    _, fields = entries[0]
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    return _position((fields.get(b"epoch"), fields.get(b"seq")))
