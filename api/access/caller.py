"""The caller of a request, with its address and its permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from starlette.types import Scope

from api.access.permission import ANYBODY, Permission
from kraken_book.access_keys import KeyLimits
from kraken_book.selection import Selection

_KEY = "caller"


def _always() -> bool:
    return True


class Caller(NamedTuple):
    """The sender of a request.

    Attributes:
        permission: The rights of its credential.
        address: The address of the client, "" if it is unknown.
        is_permitted: Returns whether the permission still holds, for streams.
    """

    permission: Permission = ANYBODY
    address: str = ""
    is_permitted: Callable[[], bool] = _always

    @property
    def name(self) -> str:
        """The name of the key or token; empty without one."""
        return self.permission.name

    @property
    def symbols(self) -> Selection | None:
        """The permitted symbols; None means all."""
        return self.permission.symbols

    @property
    def limits(self) -> KeyLimits:
        """The limits of the key; None means the setting of the api."""
        return self.permission.limits


_UNKNOWN = Caller()


def set_caller(scope: Scope, caller: Caller) -> None:
    """Note the caller of a request, for `caller_of`."""
    scope[_KEY] = caller


def caller_of(scope: Scope) -> Caller:
    """Return the caller of a request; without one, a caller that may see all symbols."""
    caller = scope.get(_KEY)
    return caller if isinstance(caller, Caller) else _UNKNOWN
