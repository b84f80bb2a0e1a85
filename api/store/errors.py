"""Errors that a caller of the api can meet below HTTP; `http.problems` makes answers of them.

Each has a stable `code`, the name of its kind for programs, and says what is wrong as its text.
"""

from __future__ import annotations

from typing import ClassVar

from api.store.corrupt_keys import Corruption
from runtime.logs import get_logger
from runtime.redis.errors import describe

log = get_logger(__name__)

# How much of a client's own text is repeated to it.
MAX_SHOWN = 100


class ApiError(Exception):
    """What was asked for cannot be served.

    `members` are further facts for programs, by name.
    """

    code: str
    is_passing: ClassVar[bool] = False
    """Whether it ends by itself, so that it helps to ask again."""

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class NoSuchSymbol(ApiError):
    """No symbol has this name."""

    code = "unknown-symbol"

    def __init__(self, name: str, nearest: list[str]) -> None:
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else "; see /symbols"
        super().__init__(
            f"no symbol {name[:MAX_SHOWN]!r} is configured{hint}",
            symbols=nearest,
        )


class Unavailable(ApiError):
    """Not now; ask again."""

    is_passing = True


class NoSymbols(Unavailable):
    """No collector has written a symbol into this Redis."""

    code = "no-symbols"

    def __init__(self) -> None:
        super().__init__("no collector has told of its symbols yet")


class CorruptKey(Unavailable):
    """A key in Redis holds what no collector writes."""

    def __init__(self, key: str, corruption: Corruption) -> None:
        detail = f"{key} in Redis holds what no collector wrote: {corruption.why}"
        super().__init__(f"{detail}; to repair it: {corruption.repair}", key=key)


class CorruptSymbols(CorruptKey):
    """The list of symbols is no list."""

    code = "corrupt-symbols"


class CorruptBook(CorruptKey):
    """The hash of a book is no book."""

    code = "corrupt-book"


class RedisAway(Unavailable):
    """Redis did not answer; `reason` among the members says why.

    The text has no address of Redis, because every client may read it. The log has the address.
    """

    code = "redis-away"

    def __init__(self, detail: str, reason: str) -> None:
        super().__init__(detail, reason=reason)


class TooManyChoices(Unavailable):
    """Too many different choices of symbols and views are being read."""

    code = "too-many-choices"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} different choices of symbols and views are being read; take one"
            " that others read, such as symbols=*"
        )


class NoRoom(Unavailable):
    """The buffer is full, and nothing in it can be given up."""

    code = "no-room"

    def __init__(self) -> None:
        super().__init__(
            "the events and books that are kept for open streams fill API_BUFFER_MB; take a view"
            " that others read, fewer books or fewer levels, or come back later"
        )


def redis_away(error: Exception) -> RedisAway:
    """Return the error for a request that Redis did not answer, because of `error`."""
    trouble = describe(error)
    # The follower logs the outage once; this line is for a closer look.
    log.debug("redis did not answer a request", reason=trouble.reason.value, error=trouble.text)
    return RedisAway(trouble.detail, trouble.reason.value)
