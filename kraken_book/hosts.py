"""Recognize IP addresses, ports and names of this machine in URLs, without DNS queries."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["host_in", "is_loopback", "is_port", "listens_on_loopback", "parse_address"]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]?#]+)(?::\d{0,5})?", re.ASCII)


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine, which no proxy can reach."""
    name = host.lower().rstrip(".")
    address = parse_address(name)
    if address is None:
        return name == "localhost" or name.endswith(".localhost")
    # A client that connects to `0.0.0.0` or `::` reaches this machine.
    return address.is_loopback or address.is_unspecified


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address in `host`, None if `host` is a name.

    An IPv6 address may have brackets and an interface. An IPv4-mapped address is returned as IPv4.
    """
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_port(port: int) -> bool:
    """Return whether a server can listen on `port`.

    Check this before connecting: `getaddrinfo` takes a greater port modulo 65,536, so that a client
    would connect to another port than the one in the URL.
    """
    return 0 < port < 1 << 16


def host_in(header: str) -> str | None:
    """Return the name or address in a Host header without its port, None if it is invalid."""
    match = _HOST.fullmatch(header)
    return match[1] if match else None


def listens_on_loopback(address: str) -> bool:
    """Return whether only this machine can reach a socket that listens on `address`."""
    parsed = parse_address(address)
    return is_loopback(address) and not (parsed and parsed.is_unspecified)
