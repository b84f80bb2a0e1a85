"""The caller of a request: who asks, and what this caller may see."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from kraken_book.selection import Selection

_KEY = "caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request.

    Attributes:
        name: The name of the key or token, "" without one.
        address: The address of the client, "" if it is unknown.
        symbols: The symbols that the caller may see; None for all.
        expires_at: Unix seconds at which the permission ends; None for never.
    """

    name: str = ""
    address: str = ""
    symbols: Selection | None = None
    expires_at: float | None = None


def set_caller(scope: Scope, caller: Caller) -> None:
    """Note the caller of a request, for `caller_of`."""
    scope[_KEY] = caller


def caller_of(scope: Scope) -> Caller:
    """Return the caller of a request; one without a name, who may see all, if none is set."""
    caller = scope.get(_KEY)
    return caller if isinstance(caller, Caller) else Caller()
