"""Hosts of URLs: addresses, and the names of this machine. Nothing is looked up."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine: no proxy is needed to reach it, and none could."""
    name = host.lower().rstrip(".")
    address = parse_address(name)
    if address is None:
        return name == "localhost" or name.endswith(".localhost")
    # On a client's side `0.0.0.0` and `::` are this machine too.
    return address.is_loopback or address.is_unspecified


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that `host` is, None if it is a name.

    An IPv6 address may have brackets and an interface. One that maps an IPv4 address is that one.
    """
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
