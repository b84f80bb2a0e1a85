"""Parse a Redis URL, which names one server, a master known to Sentinels, or a cluster.

    redis://user:password@host:port/db                    one server; rediss:// over TLS
    unix:///path/to/socket                                one server, on this machine
    redis+sentinel://user:password@h:p,h:p/master/db      a master's name, and its Sentinels
    redis+cluster://user:password@h:p,h:p                 some nodes of a cluster

User and password are those of the data nodes. Parameters after `?` are redis-py's, such as
`ssl_ca_certs`, and `password_file`, a file that is read for each new connection.
`rediss+sentinel://` and `rediss+cluster://` use TLS for all connections.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from kraken_book.redis_url import FILE_PARAMETER, split_url

SERVER_FORMS = "redis://host:port/db, rediss://host:port/db or unix:///path/to/socket"
SENTINEL_FORM = "redis+sentinel://host:port,host:port/master/db"
CLUSTER_FORM = "redis+cluster://host:port,host:port"
SENTINEL_PORT, REDIS_PORT = 26379, 6379


class Address(NamedTuple):
    """The address of a server; as a string `host:port`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class RedisUrl(NamedTuple):
    """The parts of a Redis URL.

    Attributes:
        server: The whole URL if it names one server, else empty.
        addresses: The Sentinels, or some nodes of a cluster.
        master: The name of the master, if the addresses are Sentinels.
        template: The URL of a data node, with {} for its address.
    """

    server: str
    addresses: tuple[Address, ...]
    master: str
    template: str

    def node(self, address: Address) -> str:
        """Return redis-py's URL of one data node, with user, password and parameters."""
        return self.template.format(address)


def parse_redis_url(url: str) -> RedisUrl:
    """Return the parts of `url`.

    Raises:
        ValueError: The URL is invalid; the message names the fault and the valid forms.
    """
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
        fault = f"{parts.scheme!r} is not a Redis scheme" if parts.scheme else "no scheme"
        raise ValueError(f"{fault}; use {SERVER_FORMS}, {SENTINEL_FORM} or {CLUSTER_FORM}")
    _check_parameters(parsed.server or parsed.node(Address("h", 1)))
    return parsed


def check_redis_url(url: str) -> str:
    """Return `url` if it is valid; if not, raise ValueError as `parse_redis_url` does."""
    parse_redis_url(url)
    return url


def _split(url: str) -> SplitResult:
    parts = split_url(url)
    if parts is None:
        raise ValueError(f"no scheme; use {SERVER_FORMS}")
    return parts


def _check_server(parts: SplitResult) -> None:
    remedy = f"use {SERVER_FORMS}"
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError(f"the path of the socket is missing; {remedy}")
        return
    _address(parts.netloc.rpartition("@")[2], REDIS_PORT, remedy)
    database = parts.path.strip("/")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not a database number; {remedy}")


def _sentinel(parts: SplitResult, scheme: str) -> RedisUrl:
    remedy = f"use {SENTINEL_FORM}"
    addresses = _addresses(parts, SENTINEL_PORT, remedy)
    master, _, database = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError(f"the name of the master is missing; {remedy}")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not a database number; {remedy}")
    return RedisUrl("", addresses, unquote(master), _template(parts, scheme, database or "0"))


def _cluster(parts: SplitResult, scheme: str) -> RedisUrl:
    remedy = f"use {CLUSTER_FORM}"
    addresses = _addresses(parts, REDIS_PORT, remedy)
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError(f"a cluster has no databases, remove {parts.path!r}; {remedy}")
    return RedisUrl("", addresses, "", _template(parts, scheme, "0"))


def _template(parts: SplitResult, scheme: str, database: str) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    head, tail = f"{scheme}://{user}{at}", f"/{database}{query}"
    return "{}".join(text.replace("{", "{{").replace("}", "}}") for text in (head, tail))


def _addresses(parts: SplitResult, port: int, remedy: str) -> tuple[Address, ...]:
    texts = parts.netloc.rpartition("@")[2].split(",")
    return tuple(_address(text, port, remedy) for text in texts)


def _address(text: str, default_port: int, remedy: str) -> Address:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        # Python's message would quote the text, which may be a password that contains a slash.
        raise ValueError(f"a port must be a number from 1 to 65535; {remedy}") from None
    if not host or port == 0:
        raise ValueError(f"host or port is missing; {remedy}")
    return Address(host, port or default_port)


def _check_parameters(server: str) -> None:
    # Imported here because redis-py is slow to import, and `--help` does not need it.
    from redis.asyncio.connection import SSLConnection, parse_url  # noqa: PLC0415

    from runtime.redis.redis_py_internals import url_parameters  # noqa: PLC0415

    options: dict[str, Any] = dict(parse_url(server))
    for name in options.keys() - url_parameters() - {FILE_PARAMETER}:
        raise ValueError(f"?{name}= is not a parameter of redis-py's connections")
    # redis-py checks only a port before `?`.
    _address(f"h:{options.get('port', REDIS_PORT)}", REDIS_PORT, "correct ?port=")
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        path = options.get(name)
        if path is not None and not Path(path).is_file():
            raise ValueError(f"?{name}={path} is not a file; set it to the path of a PEM file")
    path = options.get(FILE_PARAMETER)
    if path is not None and not Path(path).is_file():
        raise ValueError(f"?{FILE_PARAMETER}={path} is not a file; set it to one with the password")
    if path is not None and options.get("password") is not None:
        raise ValueError(f"two passwords; remove the one before the host or ?{FILE_PARAMETER}=")
    if not issubclass(options.get("connection_class", object), SSLConnection):
        for name in options:
            if name.startswith("ssl_"):
                raise ValueError(f"?{name}= is for TLS only; use rediss:// before the host")
