"""Parse what a Redis URL may name: one server, the master of Sentinels, or a cluster.

    redis://user:password@host:port/db                    one server; rediss:// over TLS
    unix:///path/to/socket                                one server, on this machine
    redis+sentinel://user:password@h:p,h:p/master/db      the master of that name, by its Sentinels
    redis+cluster://user:password@h:p,h:p                 a cluster, found by any of these nodes

User and password are the data nodes'. Parameters after `?` are those of redis-py, such as
`ssl_ca_certs`; `rediss+sentinel://` and `rediss+cluster://` speak TLS to all they meet.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

SERVER_FORMS = "redis://host:port/db, rediss://host:port/db or unix:///path/to/socket"
SENTINEL_FORM = "redis+sentinel://host:port,host:port/master/db"
CLUSTER_FORM = "redis+cluster://host:port,host:port"
SENTINEL_PORT, REDIS_PORT = 26379, 6379

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<netloc>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class RedisUrl(NamedTuple):
    """A URL in its parts.

    Attributes:
        server: The URL itself if it names one server, else empty.
        addresses: The Sentinels, or some nodes of a cluster.
        master: The name of the master that the Sentinels are asked for.
        template: The URL of a data node, with {} for its address.
    """

    server: str
    addresses: tuple[Address, ...]
    master: str
    template: str

    def node(self, address: Address) -> str:
        """Return the URL of one data node, with user, password and parameters, for redis-py."""
        return self.template.format(address)


def parse_redis_url(url: str) -> RedisUrl:
    """Return the parts of `url`, or raise ValueError that says what is wrong and what is right."""
    parts = _split(url)
    scheme, _, engine = parts.scheme.partition("+")
    if parts.scheme in ("redis", "rediss", "unix"):
        _check_server(parts)
        parsed = RedisUrl(url, (), "", "")
    elif scheme in ("redis", "rediss") and engine == "sentinel":
        parsed = _sentinel(parts, scheme)
    elif scheme in ("redis", "rediss") and engine == "cluster":
        parsed = _cluster(parts, scheme)
    else:
        given = f"{parts.scheme!r} is no Redis scheme" if parts.scheme else "there is no scheme"
        raise ValueError(f"{given}: it takes {SERVER_FORMS}, {SENTINEL_FORM} or {CLUSTER_FORM}")
    _check_parameters(parsed.server or parsed.node(Address("h", 1)))
    return parsed


def check_redis_url(url: str) -> str:
    """Return `url` itself, or raise ValueError as `parse_redis_url` does."""
    parse_redis_url(url)
    return url


def without_password(url: str) -> str:
    """Return `url` as a log may show it, also if it is no URL."""
    shown = re.sub(r"(://[^:@/?#]*:).*@", r"\1***@", url)
    return re.sub(r"([?&](?:ssl_)?password=)[^&]*", r"\1***", shown)


def _split(url: str) -> SplitResult:
    # Some versions' urlsplit refuses a list of addresses with one of them in brackets.
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"there is no scheme: it takes {SERVER_FORMS}")
    scheme, netloc, path, query = match.group("scheme", "netloc", "path", "query")
    return SplitResult(scheme.lower(), netloc, path, query or "", "")


def _check_server(parts: SplitResult) -> None:
    takes = f"it takes {SERVER_FORMS}"
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError(f"the path of the socket is missing: {takes}")
        return
    _address(parts.netloc.rpartition("@")[2], REDIS_PORT, takes)
    database = parts.path.strip("/")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is no database number: {takes}")


def _sentinel(parts: SplitResult, scheme: str) -> RedisUrl:
    takes = f"it takes {SENTINEL_FORM}"
    addresses = _addresses(parts, SENTINEL_PORT, takes)
    master, _, database = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError(f"the name of the master is missing: {takes}")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is no database number: {takes}")
    return RedisUrl("", addresses, unquote(master), _template(parts, scheme, database or "0"))


def _cluster(parts: SplitResult, scheme: str) -> RedisUrl:
    takes = f"it takes {CLUSTER_FORM}"
    addresses = _addresses(parts, REDIS_PORT, takes)
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError(f"a cluster has no databases, {parts.path!r} is too much: {takes}")
    return RedisUrl("", addresses, "", _template(parts, scheme, "0"))


def _template(parts: SplitResult, scheme: str, database: str) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    head, tail = f"{scheme}://{user}{at}", f"/{database}{query}"
    return "{}".join(text.replace("{", "{{").replace("}", "}}") for text in (head, tail))


def _addresses(parts: SplitResult, port: int, takes: str) -> tuple[Address, ...]:
    texts = parts.netloc.rpartition("@")[2].split(",")
    return tuple(_address(text, port, takes) for text in texts)


def _address(text: str, default_port: int, takes: str) -> Address:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        # Python's own words would show what may be a password with a slash in it.
        raise ValueError(f"a port is a number from 1 to 65535: {takes}") from None
    if not host or port == 0:
        raise ValueError(f"host or port is missing: {takes}")
    return Address(host, port or default_port)


def _check_parameters(server: str) -> None:
    # Here, because redis-py takes long to import, and who only reads settings needs none of it.
    from redis.asyncio.connection import SSLConnection, parse_url  # noqa: PLC0415

    from runtime.redis.redis_py_internals import url_parameters  # noqa: PLC0415

    options: dict[str, Any] = dict(parse_url(server))
    for name in options.keys() - url_parameters():
        raise ValueError(f"?{name}= is no parameter of redis-py's connections")
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        path = options.get(name)
        if path is not None and not Path(path).is_file():
            raise ValueError(f"?{name}={path} is no file: it takes the path of a PEM file")
    if not issubclass(options.get("connection_class", object), SSLConnection):
        for name in options:
            if name.startswith("ssl_"):
                raise ValueError(f"?{name}= is for TLS only: it takes rediss:// before the host")
