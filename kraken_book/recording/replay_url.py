"""Check the URL of the Redis server for a replay, and connect to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from kraken_book.errors import Unusable
from kraken_book.hosts import is_port
from kraken_book.password_file import PasswordFile
from kraken_book.redis_url import FILE_PARAMETER, without_password, without_password_file

__all__ = ["check_url", "make_client"]

_SCHEMES = ("redis", "rediss", "unix")


def check_url(url: str) -> str:
    """Return the URL of one Redis server.

    Raises:
        Unusable: It is another URL; the message says which ones are valid.
    """
    forms = "redis://host:port/db, rediss://host:port/db or unix:///path/to/socket"
    scheme = urlsplit(url).scheme
    if scheme in {f"{each}+{engine}" for each in _SCHEMES for engine in ("cluster", "sentinel")}:
        raise Unusable(
            f"{without_password(url)}: a replay writes into one Redis server, not into a cluster"
            f" or through Sentinels: use {forms}"
        )
    if scheme not in _SCHEMES:
        raise Unusable(f"{without_password(url)!r} is no URL of a Redis server: use {forms}")
    return url


def make_client(url: str, timeout: float) -> Redis:
    """Return a client of one server, which connects when it is first used and repeats nothing.

    Args:
        url: The URL, which may name a file with the password.
        timeout: Seconds to wait for a connection or an answer.

    Raises:
        Unusable: The URL is invalid; the message has it without its password.
    """
    plain, user, path = without_password_file(check_url(url))
    options: dict[str, Any] = {}
    if path:
        if not Path(path).is_file():
            raise Unusable(f"{without_password(url)}: ?{FILE_PARAMETER}={path} is not a file")
        options["credential_provider"] = PasswordFile(user, Path(path))
    try:
        client = Redis.from_url(
            plain,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            **options,
        )
        _check_port(client)
        # redis-py finds unknown parameters only when it makes a connection; this opens none.
        client.connection_pool.make_connection()
    except TypeError as error:
        raise Unusable(
            f"{without_password(url)}: redis-py has no such parameter: {error}"
        ) from None
    except ValueError as error:
        raise Unusable(f"{without_password(url)}: {error}") from None
    return client


def _check_port(client: Redis) -> None:
    """Raise ValueError if `?port=` of the URL is no port; redis-py checks only the one before."""
    port = str(client.connection_pool.connection_kwargs.get("port", 6379))
    if not port.isdecimal() or not is_port(int(port)):
        raise ValueError(f"?port={port} is not a port: use a number from 1 to 65535")
