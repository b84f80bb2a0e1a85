"""The address of an api, and the HTTP clients that connect to it."""

from __future__ import annotations

import re
import ssl
from typing import Any

import httpx

from kraken_book.client.api_paths import prefix_of
from kraken_book.client.environment import (
    check_proxies,
    names_certificates,
    proxy_for,
    proxy_variable_for,
    trusted_certificates,
)
from kraken_book.client.patience import Patience
from kraken_book.client.refused import Server
from kraken_book.errors import Unusable
from kraken_book.hosts import is_loopback, is_port
from kraken_book.printable import printable
from kraken_book.symbols import is_symbol

__all__ = [
    "DEFAULT_URL",
    "KEY_VARIABLE",
    "MAX_REDIRECTS",
    "URL_VARIABLE",
    "ApiAddress",
    "request_timeout",
]

# Defaults of the commands. The key is read from the environment only, because other users can see
# the arguments of a process.
DEFAULT_URL = "http://localhost:3000"
URL_VARIABLE = "KRAKEN_BOOK_URL"
KEY_VARIABLE = "KRAKEN_BOOK_KEY"
MAX_SHOWN = 200
MAX_REDIRECTS = 5
# Redirects lead to other servers. Connections to at most this many servers are kept open.
MAX_ORIGINS = 4
_HOST_AND_PORT = re.compile(r"[a-z0-9.-]{1,100}:\d{1,5}", re.ASCII | re.IGNORECASE)


class ApiAddress:
    """A checked address of an api, with the proxies and certificates of the environment.

    Args:
        url: The address.
        key: Sent as a Bearer token.

    Raises:
        TypeError: `url` or `key` is not a text.
        Unusable: `url` is not the address of an api, `key` cannot be sent in a header, or an
            environment variable, which the message names, is invalid.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url = _parsed(url)
        self._headers = {} if key is None else {"Authorization": f"Bearer {_checked(key)}"}
        if key is not None and self._url.userinfo:
            raise Unusable("give either a key or a user in the URL: both are sent in one header")
        if not is_loopback(self._url.host):
            check_proxies()
        self._certificates: ssl.SSLContext | None = None
        if self._url.scheme == "https" or names_certificates():
            self._certificates = trusted_certificates()

    @property
    def shown(self) -> str:
        """The address for messages: without a user and a password."""
        return printable(str(self._url.copy_with(userinfo=b"")).rstrip("/"), MAX_SHOWN)

    @property
    def server(self) -> Server:
        """What messages say about the server at this address."""
        has_credentials = bool(self._headers or self._url.userinfo)
        path = self._url.path.rstrip("/")
        return Server(self.shown, path, has_credentials, self.proxy_variable)

    @property
    def proxy_variable(self) -> str | None:
        """The variable that names the proxy for this address, None if there is no proxy."""
        return proxy_variable_for(self._url)

    def client(self, timeout: httpx.Timeout) -> httpx.Client:
        """Return a blocking client of the api."""
        return httpx.Client(**self.options(timeout), transport=_BlockingTransport(self))

    def async_client(self, timeout: httpx.Timeout) -> httpx.AsyncClient:
        """Return a client of the api for asyncio."""
        return httpx.AsyncClient(**self.options(timeout), transport=_AsyncTransport(self))

    def options(self, timeout: httpx.Timeout) -> dict[str, Any]:
        """Return the arguments that both kinds of client share."""
        return {
            "base_url": self._url,
            # A compressed body would grow after its size was checked.
            "headers": {"Accept-Encoding": "identity", **self._headers},
            # httpx would read the whole body of a redirect, however long it is.
            "follow_redirects": False,
            "timeout": timeout,
            # The certificates of the environment apply to every address. The transport decides for
            # each request whether a proxy does.
            "trust_env": True,
        }

    def route_to(self, url: httpx.URL) -> tuple[httpx.Proxy | None, ssl.SSLContext]:
        """Return the proxy for `url`, if any, and the TLS context for it.

        Raises:
            httpx.ProxyError: A proxy or certificate file of the environment is invalid.
            httpx.TransportError: The port is invalid. The address of the api has been checked, so
                `url` is the target of a redirect.
        """
        if url.port is not None and not is_port(url.port):
            raise httpx.TransportError(
                f"a redirect leads to port {url.port}; ports are 1 to 65535: correct the redirect"
            )
        try:
            proxy = proxy_for(url)
            if url.scheme != "https":
                return proxy, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._certificates = self._certificates or trusted_certificates()
        except Unusable as error:
            raise httpx.ProxyError(str(error)) from error
        return proxy, self._certificates


def request_timeout(patience: Patience) -> httpx.Timeout:
    """Return the part of the time limits that httpx enforces."""
    return httpx.Timeout(patience.connect, read=patience.silence)


class _BlockingTransport(httpx.BaseTransport):
    """A transport that sends each request directly or through its proxy."""

    def __init__(self, address: ApiAddress) -> None:
        self._address = address
        self._transports: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        origin = _origin(request.url)
        if origin not in self._transports:
            proxy, verify = self._address.route_to(request.url)
            if len(self._transports) >= MAX_ORIGINS:
                self.close()
            self._transports[origin] = httpx.HTTPTransport(
                verify=verify, proxy=proxy, trust_env=False
            )
        return self._transports[origin].handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()


class _AsyncTransport(httpx.AsyncBaseTransport):
    """The same as `_BlockingTransport` for asyncio; httpx has separate base classes."""

    def __init__(self, address: ApiAddress) -> None:
        self._address = address
        self._transports: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        origin = _origin(request.url)
        if origin not in self._transports:
            proxy, verify = self._address.route_to(request.url)
            if len(self._transports) >= MAX_ORIGINS:
                await self.aclose()
            self._transports[origin] = httpx.AsyncHTTPTransport(
                verify=verify, proxy=proxy, trust_env=False
            )
        return await self._transports[origin].handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _parsed(url: str) -> httpx.URL:
    if not isinstance(url, str):
        raise TypeError(f"{url!r} is not the URL of an api: use a text such as {DEFAULT_URL}")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Unusable(
            f"{_without_user(url)!r} is not a URL: {error}; use one such as {DEFAULT_URL}"
        ) from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise _no_api(url, f"use one such as {_similar_url(url)}")
    if parsed.port is not None and not is_port(parsed.port):
        raise _no_api(url, "use a port from 1 to 65535")
    if parsed.query or parsed.fragment:
        path = prefix_of(parsed.path)
        origin = parsed.copy_with(userinfo=b"", path=path or "/", query=None, fragment=None)
        shown = printable(str(origin).rstrip("/"), MAX_SHOWN)
        raise _no_api(url, f"use one without '?' and '#', such as {shown}")
    return parsed


def _no_api(url: str, remedy: str) -> Unusable:
    return Unusable(f"{_without_user(url)!r} is not the URL of an api: {remedy}")


def _similar_url(url: str) -> str:
    """Return a valid URL for a message, like `url` if that lacks only its scheme."""
    if is_symbol(url):
        return f"{DEFAULT_URL}; the URL comes before the symbols"
    shown = _without_user(url)
    return f"http://{shown}" if _HOST_AND_PORT.fullmatch(shown) else DEFAULT_URL


def _without_user(url: str) -> str:
    """Return the text of a URL without the part that may contain a password."""
    scheme, mark, rest = url.rpartition("://")
    return printable(scheme + mark + rest.rpartition("@")[2], MAX_SHOWN)


def _checked(key: str) -> str:
    """Return `key`, or raise an error that does not contain it."""
    if not isinstance(key, str):
        raise TypeError(f"the key is of type {type(key).__name__}: use a text")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Unusable(
            "the key is invalid: use printable ASCII characters without spaces, not 'Bearer …', and"
            " no line end"
        )
    return key
