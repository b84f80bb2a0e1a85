"""Explain errors of Redis, in words for people and with a stable word for programs.

The one place that reads the texts of Redis, redis-py and the system. Logs, `/readyz` and the
problems of the api all say what `describe` returns.
"""

from __future__ import annotations

import asyncio
import errno
import re
import ssl
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from runtime.redis.exchange import RedisNode

# The longest text of Redis that is passed on; it may quote what somebody else wrote.
MAX_SHOWN = 300


class Reason(StrEnum):
    """Why Redis does not do what it is asked; programs may rely on these words."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    TLS = "tls"
    NO_MASTER = "no-master"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - says what is wrong
    PASSWORD_MISSING = "password-missing"  # noqa: S105 - as above
    NO_PERMISSION = "no-permission"
    PROTECTED = "protected-mode"
    TOO_MANY_CLIENTS = "too-many-clients"
    LOADING = "loading"
    BUSY = "busy"
    READ_ONLY = "read-only"
    NO_REPLICAS = "no-replicas"
    OUT_OF_MEMORY = "out-of-memory"
    CANNOT_SAVE = "cannot-save"
    CLUSTER_DOWN = "cluster-down"
    MASTER_DOWN = "master-down"
    WRONG_TYPE = "wrong-type"
    ERROR = "error"


class _Words(NamedTuple):
    says: str
    advice: str


_AWAY = "the books are there when it is back"
_MEANING = {
    Reason.UNREACHABLE: _Words("redis cannot be reached", _AWAY),
    Reason.REFUSED: _Words("redis cannot be reached", f"nothing listens there; {_AWAY}"),
    Reason.TIMED_OUT: _Words("redis cannot be reached", f"it does not answer in time; {_AWAY}"),
    Reason.TLS: _Words(
        "redis cannot be reached",
        "TLS failed: REDIS_URL takes rediss:// if the server speaks TLS, redis:// if not, and "
        "?ssl_ca_certs=FILE for an authority of your own",
    ),
    Reason.NO_MASTER: _Words(
        "redis cannot be reached", "the Sentinels name no master that answers"
    ),
    Reason.WRONG_PASSWORD: _Words(
        "redis refuses the password", "set user and password in REDIS_URL as the server has them"
    ),
    Reason.PASSWORD_MISSING: _Words(
        "redis wants a password", "REDIS_URL takes it as redis://user:password@host:port/db"
    ),
    Reason.NO_PERMISSION: _Words(
        "redis does not permit a command to this user",
        "give the user the commands and keys of deploy/redis-acl.conf",
    ),
    Reason.PROTECTED: _Words(
        "redis is in protected mode", "give it a password, or let it listen on loopback only"
    ),
    Reason.TOO_MANY_CLIENTS: _Words(
        "redis takes no more connections", "raise its maxclients, or close other clients"
    ),
    Reason.LOADING: _Words("redis is loading its data", "the books are there when it has"),
    Reason.BUSY: _Words(
        "redis is busy with a script", "it answers when that ends, or after SCRIPT KILL"
    ),
    Reason.READ_ONLY: _Words(
        "redis is a read-only replica", "REDIS_URL takes the master, or its Sentinels"
    ),
    Reason.NO_REPLICAS: _Words(
        "redis refuses writes without its replicas",
        "start them, or lower its min-replicas-to-write",
    ),
    Reason.OUT_OF_MEMORY: _Words(
        "redis is out of memory", "raise its maxmemory, or lower STREAM_RETENTION or STREAM_MAXLEN"
    ),
    Reason.CANNOT_SAVE: _Words(
        "redis refuses writes because it cannot save",
        "its disk is full or not writable: make room and BGSAVE, or turn off "
        "stop-writes-on-bgsave-error if the books need not be saved",
    ),
    Reason.CLUSTER_DOWN: _Words(
        "the redis cluster is down", "some slots have no node; the books are there when they have"
    ),
    Reason.MASTER_DOWN: _Words(
        "redis is a replica without its master", "the books are there when the master is back"
    ),
    Reason.WRONG_TYPE: _Words(
        "redis holds another type in a key of the books",
        "the collector's log says which key, and the command that removes it",
    ),
    Reason.ERROR: _Words("redis answers with an error", "the log says which"),
}

# Reasons by the first word of an answer.
_CODES = {
    "NOAUTH": Reason.PASSWORD_MISSING,
    "WRONGPASS": Reason.WRONG_PASSWORD,
    "NOPERM": Reason.NO_PERMISSION,
    "DENIED": Reason.PROTECTED,
    "MISCONF": Reason.CANNOT_SAVE,
    "OOM": Reason.OUT_OF_MEMORY,
    "READONLY": Reason.READ_ONLY,
    "NOREPLICAS": Reason.NO_REPLICAS,
    "LOADING": Reason.LOADING,
    "BUSY": Reason.BUSY,
    "CLUSTERDOWN": Reason.CLUSTER_DOWN,
    "MASTERDOWN": Reason.MASTER_DOWN,
    "WRONGTYPE": Reason.WRONG_TYPE,
    "CORRUPT": Reason.WRONG_TYPE,
}
_CLASSES: tuple[tuple[type[Exception], Reason], ...] = (
    (AuthenticationError, Reason.WRONG_PASSWORD),
    (AuthorizationError, Reason.NO_PERMISSION),
    (NoPermissionError, Reason.NO_PERMISSION),
    (MasterNotFoundError, Reason.NO_MASTER),
    (BusyLoadingError, Reason.LOADING),
    (ReadOnlyError, Reason.READ_ONLY),
    (OutOfMemoryError, Reason.OUT_OF_MEMORY),
    (MasterDownError, Reason.MASTER_DOWN),
    (ClusterDownError, Reason.CLUSTER_DOWN),
)
# Reasons by a part of the text, for answers whose first word says nothing.
_TEXTS = (
    ("max number of clients reached", Reason.TOO_MANY_CLIENTS),
    ("can't run this command", Reason.NO_PERMISSION),
    ("can't access at least one of the keys", Reason.NO_PERMISSION),
    ("without any password configured", Reason.WRONG_PASSWORD),
    ("has become a replica", Reason.READ_ONLY),
)
# With these reasons other keys of the server may be well.
_OF_ONE_KEY = frozenset({Reason.WRONG_TYPE, Reason.ERROR})
_UNREACHABLE = frozenset(
    {Reason.UNREACHABLE, Reason.REFUSED, Reason.TIMED_OUT, Reason.TLS, Reason.NO_MASTER}
)
_TAIL = re.compile(r" script: [0-9a-f]{40}, on @user_script:\d+\.?$")


class Trouble(NamedTuple):
    """Meaning of an error: `says` begins a log line, `advice` says what to do about it.

    `text` has the error's own words, and the address if the client knows it, but no password.
    """

    reason: Reason
    says: str
    advice: str
    text: str

    @property
    def detail(self) -> str:
        """One sentence for a reader of HTTP, without addresses."""
        return f"{self.says[0].upper()}{self.says[1:]}; {self.advice}"

    @property
    def is_of_one_key(self) -> bool:
        """Return whether other keys of the same server may be well."""
        return self.reason in _OF_ONE_KEY

    @property
    def is_unreachable(self) -> bool:
        """Return whether no server answered at all."""
        return self.reason in _UNREACHABLE


def describe(error: BaseException, node: object = None) -> Trouble:
    """Return what `error` means, an error of redis-py or of the system.

    Args:
        error: What a call raised, or an error among its replies.
        node: The client of the server that was asked; its address is added to the text.
    """
    reason = _reason_of(error)
    says, advice = _MEANING[reason]
    text = _TAIL.sub("", str(error)) or type(error).__name__
    address = node.address if isinstance(node, RedisNode) else ""
    if address and address not in text:
        text = f"{text} ({address})"
    return Trouble(reason, says, advice, text[:MAX_SHOWN])


def _reason_of(error: BaseException) -> Reason:
    text = str(error)
    code = getattr(error, "status_code", None) or text.partition(" ")[0]
    if code in _CODES:
        return _CODES[code]
    for part, reason in _TEXTS:
        if part in text:
            return reason
    for kind, reason in _CLASSES:
        if isinstance(error, kind):
            return reason
    if isinstance(error, (RedisConnectionError, RedisTimeoutError, OSError)):
        return _reason_of_silence(error)
    return Reason.ERROR if isinstance(error, RedisError) else Reason.UNREACHABLE


def _reason_of_silence(error: BaseException) -> Reason:
    """Return why no answer came at all, by the causes of the error."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return Reason.TLS
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return Reason.REFUSED
        if isinstance(cause, (RedisTimeoutError, TimeoutError, asyncio.TimeoutError)):
            return Reason.TIMED_OUT
    return Reason.UNREACHABLE


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
