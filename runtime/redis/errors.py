"""Explain errors of Redis: a stable reason for programs, a summary and advice for people.

Only this module interprets the error texts of Redis, redis-py and the system. Logs, `/readyz` and
the api's problems contain the result of `describe`.
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

# An error of Redis may quote text of any length that others wrote.
MAX_TEXT_LENGTH = 300


class Reason(StrEnum):
    """Stable words for the reason why a call to Redis failed."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    TLS = "tls"
    NO_MASTER = "no-master"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - not a password
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


class _Explanation(NamedTuple):
    summary: str
    advice: str


_RETURN = "books return when it is back"
_EXPLANATIONS = {
    Reason.UNREACHABLE: _Explanation("redis cannot be reached", _RETURN),
    Reason.REFUSED: _Explanation(
        "redis cannot be reached", f"nothing listens on its address; {_RETURN}"
    ),
    Reason.TIMED_OUT: _Explanation(
        "redis cannot be reached", f"it does not answer in time; {_RETURN}"
    ),
    Reason.TLS: _Explanation(
        "redis cannot be reached",
        "TLS failed: use rediss:// in REDIS_URL if the server speaks TLS and redis:// if not; "
        "add ?ssl_ca_certs=FILE for a private certificate authority",
    ),
    Reason.NO_MASTER: _Explanation(
        "redis cannot be reached", "the Sentinels name no master that answers"
    ),
    Reason.WRONG_PASSWORD: _Explanation(
        "redis refuses the password", "correct user and password in REDIS_URL"
    ),
    Reason.PASSWORD_MISSING: _Explanation(
        "redis requires a password", "set REDIS_URL to redis://user:password@host:port/db"
    ),
    Reason.NO_PERMISSION: _Explanation(
        "redis does not permit a command to this user",
        "give the user the commands and keys of deploy/redis-acl.conf",
    ),
    Reason.PROTECTED: _Explanation(
        "redis is in protected mode", "give it a password, or let it listen on loopback only"
    ),
    Reason.TOO_MANY_CLIENTS: _Explanation(
        "redis accepts no more connections", "raise its maxclients, or close other clients"
    ),
    Reason.LOADING: _Explanation("redis is loading its data", "books return when it is done"),
    Reason.BUSY: _Explanation(
        "redis is busy with a script", "it answers when the script ends, or after SCRIPT KILL"
    ),
    Reason.READ_ONLY: _Explanation(
        "redis is a read-only replica", "set REDIS_URL to the master, or to its Sentinels"
    ),
    Reason.NO_REPLICAS: _Explanation(
        "redis refuses writes without its replicas",
        "start them, or lower its min-replicas-to-write",
    ),
    Reason.OUT_OF_MEMORY: _Explanation(
        "redis is out of memory", "raise its maxmemory, or lower STREAM_RETENTION or STREAM_MAXLEN"
    ),
    Reason.CANNOT_SAVE: _Explanation(
        "redis refuses writes because it cannot save",
        "its disk is full or not writable: free space and run BGSAVE, or turn off "
        "stop-writes-on-bgsave-error if the books need not be saved",
    ),
    Reason.CLUSTER_DOWN: _Explanation(
        "the redis cluster is down", "books return when every slot has a node"
    ),
    Reason.MASTER_DOWN: _Explanation(
        "redis is a replica without its master", "books return when the master is back"
    ),
    Reason.WRONG_TYPE: _Explanation(
        "a key of the books has the wrong type in redis",
        "the collector's log names the key and the command that removes it",
    ),
    Reason.ERROR: _Explanation("redis replied with an error", "the log contains it"),
}

# Reasons by the first word of an error.
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
# Reasons by a part of the text, for errors without a specific first word.
_TEXTS = (
    ("max number of clients reached", Reason.TOO_MANY_CLIENTS),
    ("can't run this command", Reason.NO_PERMISSION),
    ("can't access at least one of the keys", Reason.NO_PERMISSION),
    ("without any password configured", Reason.WRONG_PASSWORD),
    ("has become a replica", Reason.READ_ONLY),
)
_ONE_KEY_REASONS = frozenset({Reason.WRONG_TYPE, Reason.ERROR})
_SCRIPT_SUFFIX = re.compile(r" script: [0-9a-f]{40}, on @user_script:\d+\.?$")


class Trouble(NamedTuple):
    """The explanation of an error.

    Attributes:
        reason: The reason, for programs.
        summary: A summary in a few words, in lower case.
        advice: The remedy.
        text: The error's text, with the server's address if it is known, without a password.
    """

    reason: Reason
    summary: str
    advice: str
    text: str

    @property
    def detail(self) -> str:
        """Summary and advice as one sentence without addresses, for HTTP clients."""
        return f"{self.summary[0].upper()}{self.summary[1:]}; {self.advice}"

    @property
    def is_of_one_key(self) -> bool:
        """Return whether the error may concern one key only."""
        return self.reason in _ONE_KEY_REASONS


def describe(error: BaseException, node: object = None) -> Trouble:
    """Return the explanation of an error of redis-py or of the system.

    Args:
        error: An exception that a call raised, or an error among its replies.
        node: The client of the server that was called; its address is added to the text.
    """
    reason = _reason_of(error)
    summary, advice = _EXPLANATIONS[reason]
    text = _SCRIPT_SUFFIX.sub("", str(error)) or type(error).__name__
    address = node.address if isinstance(node, RedisNode) else ""
    if address and address not in text:
        text = f"{text} ({address})"
    return Trouble(reason, summary, advice, text[:MAX_TEXT_LENGTH])


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
        return _reason_without_reply(error)
    return Reason.ERROR if isinstance(error, RedisError) else Reason.UNREACHABLE


def _reason_without_reply(error: BaseException) -> Reason:
    """Return the reason of an error without a reply, from the error's causes."""
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
