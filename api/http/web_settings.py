"""The settings of the api as a site, as typed values: hosts, origins, and the path.

This module imports little, because the launcher and `--help` read the settings too.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Self
from urllib.parse import urlsplit

from api.http.proxies import Network
from kraken_book.hosts import host_in, is_loopback, parse_address

MAX_ROOT_PATH = 200

# The first segments of all routes.
ROUTE_NAMES = frozenset(
    (
        *("", "page", "symbols", "books", "depth", "quote", "best", "events", "stream"),
        *("healthz", "readyz", "metrics", "kraken-book.js", "favicon.ico", "robots.txt"),
        *("tickets", "docs", "openapi.json", "asyncapi.json", "status"),
    )
)

_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII)
_HOSTS_EXPECTED = (
    "expected names, addresses and networks without a port, separated by commas, such as"
    " books.example.com,*.example.org,10.0.0.0/8, or * for any"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\]", re.ASCII)
_ORIGINS_EXPECTED = (
    "expected origins without a path, separated by commas, such as"
    " https://app.example.com,https://*.example.org, or * for any"
)
_ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)


class AllowedHosts:
    """The hosts that requests may name; those of this machine always may.

    Args:
        names: Names in lower case.
        domains: Domains whose subdomains are allowed, in lower case.
        networks: The networks of allowed addresses.
        allows_any: Whether every host is allowed.
    """

    def __init__(
        self,
        names: frozenset[str] = frozenset(),
        domains: tuple[str, ...] = (),
        networks: tuple[Network, ...] = (),
        *,
        allows_any: bool = False,
    ) -> None:
        self._names = names
        self._suffixes = tuple(f".{domain}" for domain in domains)
        self._networks = networks
        self.allows_any = allows_any

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the hosts in `text`.

        Args:
            text: Names, `*.` and a domain, addresses and networks, separated by commas, or `*`.

        Raises:
            ValueError: A part is none of these.
        """
        names, domains, networks, allows_any = set(), [], [], False
        for part in filter(None, (part.strip().lower().rstrip(".") for part in text.split(","))):
            network = _network(part)
            if part == "*":
                allows_any = True
            elif network is not None:
                networks.append(network)
            elif _NAME.fullmatch(part):
                names.add(part)
            elif part.startswith("*.") and _NAME.fullmatch(part[2:]):
                domains.append(part[2:])
            else:
                raise ValueError(f"{part[:80]!r} is not a host: {_HOSTS_EXPECTED}")
        if not (names or domains or networks or allows_any):
            raise ValueError(f"no host is given: {_HOSTS_EXPECTED}")
        return cls(frozenset(names), tuple(domains), tuple(networks), allows_any=allows_any)

    def allows(self, header: str) -> bool:
        """Return whether a Host header names an allowed host, with any port."""
        host = host_in(header)
        if host is None:
            return False
        if self.allows_any or is_loopback(host):
            return True
        address = parse_address(host)
        if address is not None:
            return any(address in network for network in self._networks)
        name = host.lower().rstrip(".")
        return name in self._names or name.endswith(self._suffixes)


class CorsOrigins:
    """The origins whose pages may read the api.

    Args:
        exact: Origins as browsers write them.
        patterns: Regular expressions of more origins.
        allows_any: Whether every origin may.
    """

    def __init__(
        self,
        exact: frozenset[str] = frozenset(),
        patterns: tuple[str, ...] = (),
        *,
        allows_any: bool = False,
    ) -> None:
        self.exact = exact
        self.pattern = "|".join(patterns) or None
        self.allows_any = allows_any

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the origins in `text`.

        Args:
            text: Origins separated by commas, maybe with `*.` before a domain, or `*`.

        Raises:
            ValueError: A part is not an origin.
        """
        exact, patterns, allows_any = set(), [], False
        for part in filter(None, (part.strip() for part in text.split(","))):
            if part == "*":
                allows_any = True
                continue
            origin = _origin(part)
            scheme, _, rest = origin.partition("://*.")
            if rest:
                patterns.append(rf"{scheme}://(?:[a-z0-9_-]+\.)+{re.escape(rest)}")
            else:
                exact.add(origin)
        if not (exact or patterns or allows_any):
            raise ValueError(f"no origin is given: {_ORIGINS_EXPECTED}")
        return cls(frozenset(exact), tuple(patterns), allows_any=allows_any)


def parse_root_path(text: str) -> str:
    """Return the path below which the api is served, without a slash at its end.

    Args:
        text: A path such as `/kraken`; `/` for none.

    Raises:
        ValueError: The text is not such a path.
    """
    root = text.strip().rstrip("/")
    if root and (len(root) > MAX_ROOT_PATH or not _ROOT_PATH.fullmatch(root)):
        raise ValueError(
            "expected a path that begins with / and has letters, digits and ._~- between slashes,"
            " such as /kraken"
        )
    if root and root.split("/")[1] in ROUTE_NAMES:
        raise ValueError("expected a path that is not one of the api's own, such as /kraken")
    return root


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"))
    except ValueError:
        return None


def _origin(text: str) -> str:
    """Return an origin as a browser writes it: in lower case and without a default port."""
    lowered = text.lower()
    try:
        parts = urlsplit(lowered)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    scheme, host = parts.scheme, parts.netloc.removesuffix(f":{port}")
    shown = f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"
    if scheme not in _DEFAULT_PORTS or not _ORIGIN_HOST.fullmatch(host) or shown != lowered:
        raise ValueError(f"{text[:80]!r} is not an origin: {_ORIGINS_EXPECTED}")
    return f"{scheme}://{host}" if port == _DEFAULT_PORTS[scheme] else shown
