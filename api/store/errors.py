"""The api's errors below HTTP; `http.problems` turns them into responses.

Each error has a stable `code` for programs and a text for people.
"""

from __future__ import annotations

from typing import ClassVar

from api.store.corrupt_keys import Corruption
from runtime.logs import get_logger
from runtime.redis.errors import describe

log = get_logger(__name__)

# Characters of a client's own text that an error message repeats.
MAX_SHOWN = 100


class ApiError(Exception):
    """The base class: a request cannot be served.

    Args:
        detail: The message for people.
        members: Additional values for programs, by name.
    """

    code: str
    status: ClassVar[int] = 404
    """The HTTP status."""
    is_passing: ClassVar[bool] = False
    """Whether the error may pass soon, so that a stream waits for it."""

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class NoSuchSymbol(ApiError):
    """No configured symbol has this name."""

    code = "unknown-symbol"

    def __init__(self, name: str, nearest: list[str]) -> None:
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else "; see /symbols"
        super().__init__(
            f"no symbol {name[:MAX_SHOWN]!r} is configured{hint}",
            symbols=nearest,
        )


class Unavailable(ApiError):
    """The base class of errors that may pass."""

    status = 503
    is_passing = True


class NoSymbols(Unavailable):
    """No collector has written its symbols to Redis yet."""

    code = "no-symbols"

    def __init__(self) -> None:
        super().__init__("no collector has written its symbols to Redis yet")


class CorruptKey(Unavailable):
    """A key in Redis has content that no collector wrote."""

    def __init__(self, key: str, corruption: Corruption) -> None:
        detail = f"{key} in Redis is corrupt: {corruption.why}"
        super().__init__(f"{detail}; to repair it: {corruption.repair}", key=key)


class CorruptSymbols(CorruptKey):
    """The key of the list of symbols has the wrong type."""

    code = "corrupt-symbols"


class CorruptBook(CorruptKey):
    """The hash of a book is not a valid book."""

    code = "corrupt-book"


class CorruptEvents(CorruptKey):
    """The key of a book's events is not a stream."""

    code = "corrupt-events"


class RedisAway(Unavailable):
    """Redis did not answer or refused; the member `reason` has the cause.

    The text never contains the address of Redis, because any client can read it.
    """

    code = "redis-away"

    def __init__(self, detail: str, reason: str) -> None:
        super().__init__(detail, reason=reason)


class IssuerAway(Unavailable):
    """The key set of API_JWT could not be fetched yet, so no token can be verified."""

    code = "issuer-away"

    def __init__(self) -> None:
        super().__init__("the keys that verify tokens could not be fetched yet")


class TooManyChoices(Unavailable):
    """Too many different choices of symbols and views have readers."""

    code = "too-many-choices"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} different choices of symbols and views are being read; choose one"
            " that has readers already, such as symbols=*"
        )


class NoRoom(Unavailable):
    """The buffer of the process has no room for another stream of this kind."""

    code = "no-room"

    def __init__(self) -> None:
        super().__init__(
            "events and books of open streams fill API_BUFFER_MB; choose a view that has readers"
            " already, fewer books or fewer levels, or try again later"
        )


class ReplicaFull(ApiError):
    """This replica has as many streams as API_MAX_STREAMS allows."""

    code = "replica-full"
    status = 503

    def __init__(self, most: int) -> None:
        super().__init__(
            f"this replica has {most} open streams, as many as API_MAX_STREAMS allows; try again,"
            " possibly on another replica",
            limit="replica-streams",
            allowed=most,
            retry_after=1,
        )


def redis_away(error: Exception) -> RedisAway:
    """Return the error for a request that failed in Redis with `error`."""
    trouble = describe(error)
    # At debug level, because the follower logs each outage once.
    log.debug("redis read failed", reason=trouble.reason.value, error=trouble.text)
    return RedisAway(trouble.detail, trouble.reason.value)
