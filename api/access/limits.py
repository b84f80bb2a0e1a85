"""The limits of a caller, and the errors if one is reached."""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import ClassVar, Literal

from api.access.caller import Caller
from api.store.errors import ApiError
from kraken_book.access_keys import NO_LIMITS, KeyLimits

LimitName = Literal["requests", "streams", "symbols", "views", "resumes", "denials", "tickets"]

WINDOW_SECONDS = 60
# A client usually gets a whole /64 of IPv6 addresses, so one of them says nothing about it.
_IPV6_PREFIX = 64


class LimitReached(ApiError):
    """A caller has reached a limit.

    Args:
        name: The limit.
        detail: The message for people.
        allowed: The value of the limit.
        seconds: The time after which a retry can succeed; None if it never can.
    """

    status: ClassVar[int] = 429

    def __init__(self, name: LimitName, detail: str, allowed: int, seconds: float | None) -> None:
        members: dict[str, object] = {"limit": name, "allowed": allowed}
        if seconds is not None:
            members["retry_after"] = max(1, math.ceil(seconds))
        super().__init__(detail, **members)
        self.code = f"too-many-{name}"
        self.name = name


class RequestTooLarge(LimitReached):
    """A request exceeds a limit by itself, so that a retry cannot succeed."""

    status = 403


def limits_of(caller: Caller, settings: KeyLimits) -> KeyLimits:
    """Return the limits of a caller: those of its key, else those of the settings."""
    own = caller.limits
    return settings if own == NO_LIMITS else _merged(own, settings)


@lru_cache(maxsize=1024)
def _merged(own: KeyLimits, settings: KeyLimits) -> KeyLimits:
    values = {name: getattr(own, name) for name in own.__struct_fields__}
    given = {name: value for name, value in values.items() if value is not None}
    return KeyLimits(**{name: getattr(settings, name) for name in values} | given)


def caller_id(caller: Caller) -> str:
    """Return the identity by which a caller is counted: a digest of the key's name or the address.

    A digest has a fixed length and no address, and cannot break the name of a key in Redis.
    """
    return _digest(f"key {caller.name}") if caller.name else _address_id(caller.address)


@lru_cache(maxsize=20_000)
def _address_id(address: str) -> str:
    return _digest(f"address {client_network(address)}")


@lru_cache(maxsize=20_000)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def client_network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    # A zone such as %eth0 names an interface of this machine, not a client.
    return str(ip_network((int(found), _IPV6_PREFIX), strict=False))


@lru_cache(maxsize=1024)
def policy_of(limits: KeyLimits) -> bytes:
    """Return the header RateLimit-Policy of a caller's limits (draft-ietf-httpapi-ratelimit-10)."""
    parts = [
        f'"{name}";q={allowed};w={WINDOW_SECONDS}'
        for name, allowed in (("requests", limits.requests), ("resumes", limits.resumes))
        if allowed is not None
    ]
    if limits.streams is not None:
        parts.append(f'"streams";q={limits.streams};qu="concurrent-requests"')
    return ", ".join(parts).encode()
