"""Recognize IP addresses and names of this machine in URLs, without DNS queries."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["is_loopback", "parse_address"]


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
