"""Check the Host header of requests against DNS rebinding; see `runtime.http.local_hosts`."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from starlette.types import Scope

from api.http.problems import Problem
from api.http.proxies import TrustedProxies
from api.http.web_settings import AllowedHosts
from kraken_book.hosts import listens_on_loopback

# Longer than any name with a port.
MAX_HOST = 300


class HostCheck:
    """The check of each request's Host header.

    Args:
        hosts: The setting; None if it is unset.
        listens_on: The address that the server listens on.
        proxies: Proxies that pass the Host header of their clients on.
    """

    def __init__(
        self, hosts: AllowedHosts | None, listens_on: str, proxies: TrustedProxies | None = None
    ) -> None:
        if hosts is None:
            hosts = AllowedHosts(allows_any=not listens_on_loopback(listens_on))
            self._proxies = proxies
        else:
            # The setting counts for every client.
            self._proxies = None
        self._allows_any = hosts.allows_any
        # Most requests name the same few hosts.
        self._allows = lru_cache(maxsize=64)(hosts.allows)

    @classmethod
    def of_any_host(cls) -> Self:
        """Return a check that every host passes."""
        return cls(AllowedHosts(allows_any=True), "")

    def refusal(self, scope: Scope) -> Problem | None:
        """Return the problem of a request that must be refused, None if there is none.

        A request without Host is not refused: browsers always send it, and health checks of
        HTTP/1.0 do not.
        """
        host: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    return Problem(400, "bad-host", "there must be one Host header")
                host = value
        if host is None or self._allows_any:
            return None
        text = host[:MAX_HOST].decode("latin-1")
        if (len(host) < MAX_HOST and self._allows(text)) or (
            self._proxies is not None and self._proxies.trusts_peer(scope)
        ):
            return None
        return Problem(
            421,
            "wrong-host",
            f"the host {text[:80]!r} is not served here; if a name or a proxy of yours leads to"
            " this api, add the host to API_HOSTS",
        )
