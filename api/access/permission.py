"""The permission of a key, a token or a ticket, and how long it is valid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import Literal

from kraken_book.access_keys import NO_LIMITS, KeyLimits
from kraken_book.selection import Selection

DeniedCode = Literal["key-missing", "key-unknown", "key-expired", "key-forbids"]


@dataclass(frozen=True, slots=True)
class Permission:
    """The rights of a credential.

    Attributes:
        name: The name of the key or the subject of the token, for logs and limits.
        symbols: The permitted symbols; None for all.
        limits: The limits of the key; those that are None are the api's settings.
        expires_at: Unix seconds at which it ends; None for never.
        key_digest: The digest of the key in the key file; "" for a token.
        signer: The id of the key that signed the token; "" for a key.
    """

    name: str
    symbols: Selection | None = None
    limits: KeyLimits = NO_LIMITS
    expires_at: float | None = None
    key_digest: str = ""
    signer: str = ""


ANYBODY = Permission("")
"""What everybody may do if there are no keys: see all."""


class Denied(Exception):
    """A credential does not permit the request. The message contains no part of it.

    Args:
        code: The kind of the fault; `key-unknown` also means an invalid token or ticket.
        detail: The message.
    """

    def __init__(self, code: DeniedCode, detail: str) -> None:
        super().__init__(detail)
        self.code: DeniedCode = code
        self.detail = detail


class Expiry:
    """A time of expiry that neither a step of the clock back nor one forward makes later.

    Args:
        expires_at: Unix seconds; None for never.
        clock: Returns Unix seconds.
        steady: Returns monotonic seconds.
    """

    def __init__(
        self,
        expires_at: float | None,
        clock: Callable[[], float] = time,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        self._expires_at = expires_at
        self._clock, self._steady = clock, steady
        self._deadline = None if expires_at is None else steady() + expires_at - clock()

    @property
    def is_over(self) -> bool:
        """Whether the time is reached by one of the two clocks."""
        if self._expires_at is None or self._deadline is None:
            return False
        return self._clock() >= self._expires_at or self._steady() >= self._deadline
