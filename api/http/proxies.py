"""Find the address of a request's client behind proxies.

A proxy appends the address of its own client to `X-Forwarded-For`. Any client can send that header
too, so only the addresses that trusted proxies appended are used.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from starlette.types import Scope

Network = IPv4Network | IPv6Network

_EXPECTED = (
    "expected addresses and networks of proxies, separated by commas,"
    " such as 127.0.0.1,10.0.0.0/8,fd00::/8"
)


class TrustedProxies:
    """Addresses of the proxies that are trusted to write `X-Forwarded-For`; none by default."""

    def __init__(self, networks: tuple[Network, ...] = ()) -> None:
        self._networks = networks

    def __str__(self) -> str:
        return ",".join(map(str, self._networks))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the proxies in `text`.

        Args:
            text: Addresses and networks (CIDR), separated by commas; empty for none.

        Raises:
            ValueError: A part is neither an address nor a network.
        """
        networks = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError as error:
                raise ValueError(f"{error}: {_EXPECTED}") from None
        return cls(tuple(networks))

    def client_address(self, scope: Scope) -> str:
        """Return the address of the client that sent a request, "" if it is unknown.

        This is the last address of the chain that is not a trusted proxy's. Addresses that the
        client itself wrote into the header come before it and are ignored.
        """
        peer: str = (scope.get("client") or ("",))[0]
        if not self._networks or not self._trusts(peer):
            return peer
        for hop in reversed(_forwarded_for(scope)):
            address = _plain_address(hop)
            if address is None:
                break
            peer = address
            if not self._trusts(peer):
                break
        return peer

    def trusts_peer(self, scope: Scope) -> bool:
        """Return whether the connection of a request comes from a trusted proxy."""
        return self._trusts((scope.get("client") or ("",))[0])

    def _trusts(self, text: str) -> bool:
        plain = _plain_address(text)
        if plain is None:
            return False
        address = ip_address(plain)
        return any(address in network for network in self._networks)


def _forwarded_for(scope: Scope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(values).decode("latin-1").split(",") if values else []


def _plain_address(text: str) -> str | None:
    """Return an address without the port that some proxies add; None if it is invalid."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
