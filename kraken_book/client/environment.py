"""Proxies and certificates from environment variables.

httpx reads the same variables, with two drawbacks: it rejects some legal forms of `NO_PROXY` (IPv6
addresses, networks), and its errors do not name the variable that is invalid.
"""

from __future__ import annotations

import os
import ssl
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from urllib.request import getproxies

import httpx

from kraken_book.errors import Unusable
from kraken_book.hosts import is_loopback, is_port, parse_address

__all__ = [
    "check_proxies",
    "names_certificates",
    "proxy_for",
    "proxy_variable_for",
    "trusted_certificates",
]

PROXY_SCHEMES = ("http", "https", "all")
CERTIFICATE_FILE = "SSL_CERT_FILE"
CERTIFICATE_FOLDER = "SSL_CERT_DIR"


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment names for `url`, or None to connect directly.

    Requests to this machine never use a proxy. An invalid variable raises Unusable; the message
    names it.
    """
    scheme = _proxy_scheme(url)
    return None if scheme is None else _proxy(scheme, getproxies()[scheme])


def proxy_variable_for(url: httpx.URL) -> str | None:
    """Return the variable that names the proxy for `url`, None if there is no proxy."""
    scheme = _proxy_scheme(url)
    return None if scheme is None else _variable(scheme)


def check_proxies() -> None:
    """Raise Unusable if a proxy variable of the environment is invalid; the message names it."""
    proxies = getproxies()
    for scheme in PROXY_SCHEMES:
        if proxies.get(scheme):
            _proxy(scheme, proxies[scheme])


def trusted_certificates() -> ssl.SSLContext:
    """Return a context that trusts the authorities of the environment, or certifi's by default.

    Raises:
        Unusable: A variable, which the message names, does not name certificates.
    """
    file, folder = os.environ.get(CERTIFICATE_FILE), os.environ.get(CERTIFICATE_FOLDER)
    if not file and not folder:
        return httpx.create_ssl_context(trust_env=False)
    # OpenSSL ignores a missing folder, and would then trust no certificate.
    if folder and not Path(folder).is_dir():
        raise Unusable(
            f"{CERTIFICATE_FOLDER}={folder!r} is not a folder of certificates: correct or unset it"
        )
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        why = error.strerror if not isinstance(error, ssl.SSLError) else None
        raise Unusable(
            f"{CERTIFICATE_FILE}={file!r} is not a file of certificates"
            f" ({why or 'it has no certificate in PEM form'}): correct or unset it"
        ) from error


def names_certificates() -> bool:
    """Return whether the environment names certificates."""
    return any(os.environ.get(name) for name in (CERTIFICATE_FILE, CERTIFICATE_FOLDER))


def _proxy_scheme(url: httpx.URL) -> str | None:
    proxies = getproxies()
    scheme = next((name for name in (url.scheme, "all") if proxies.get(name)), None)
    if scheme is None or is_loopback(url.host) or _is_exempt(url, proxies.get("no", "")):
        return None
    return scheme


def _proxy(scheme: str, value: str) -> httpx.Proxy:
    variable = _variable(scheme)
    address = value if "://" in value else f"http://{value}"
    # The value may contain a password, so no message contains the value.
    try:
        proxy = httpx.Proxy(address)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    has_port = proxy is not None and (proxy.url.port is None or is_port(proxy.url.port))
    if proxy is None or not proxy.url.host or not has_port:
        raise Unusable(
            f"{variable} is not the address of a proxy: use one such as"
            " http://proxy.example.com:3128"
        )
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise Unusable(
            f"{variable} names a SOCKS proxy, which needs one more package:"
            " pip install 'httpx[socks]'"
        )
    if proxy.url.scheme == "https":
        return httpx.Proxy(address, ssl_context=trusted_certificates())
    return proxy


def _variable(scheme: str) -> str:
    """Return the name of the variable that holds the proxy of `scheme`."""
    wanted = f"{scheme}_proxy"
    names = sorted((name for name in os.environ if name.lower() == wanted), reverse=True)
    return next((name for name in names if os.environ[name]), wanted.upper())


def _is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    """Return whether `NO_PROXY` names the host of `url`, as a name, an address or a network."""
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    address = parse_address(url.host)
    for entry in no_proxy.replace(",", " ").split():
        host, entry_port = _split_port(entry.rpartition("://")[2].lower())
        if entry_port and entry_port != str(port):
            continue
        holds = _is_within(host, url.host) if address is None else _is_in_network(host, address)
        if host == "*" or holds:
            return True
    return False


def _is_within(domain: str, host: str) -> bool:
    """Return whether `host` is `domain` or a subdomain of it, by curl's rules."""
    domain, host = domain.removeprefix("*").strip("."), host.lower().rstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _is_in_network(network: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, str]:
    """Return the host and the port of an entry such as `[::1]:80`, `10.0.0.0/8` or `a.com:80`."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        # `[fe80::]/10` is a network, `[fe80::1%eth0]` an address with its interface.
        return (host + rest, "") if rest.startswith("/") else (host.partition("%")[0], rest[1:])
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""
