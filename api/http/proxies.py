"""The address of a request's client, if there are proxies in front of the api.

A proxy appends the address that it was called from to `X-Forwarded-For`. Anybody else can write
that header too, so only what trusted proxies wrote is believed.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from starlette.types import Scope

Network = IPv4Network | IPv6Network

_TAKES = (
    "it takes addresses and networks of proxies, separated by commas,"
    " such as 127.0.0.1,10.0.0.0/8,fd00::/8"
)


class TrustedProxies:
    """Proxies whose `X-Forwarded-For` is believed; none by default."""

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
            ValueError: If a part is neither; the message says what is taken.

        """
        networks = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError as error:
                raise ValueError(f"{error}: {_TAKES}") from None
        return cls(tuple(networks))

    def client_address(self, scope: Scope) -> str:
        """Return the address of the client that sent a request, "" if it is unknown.

        That is the last address on the way that no trusted proxy has. What a client writes into
        the header itself stands before that one and is never reached.
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
    """Return an address without the port that some proxies add; None if it is none."""
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
