"""Where an api is, and how httpx is to reach it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import httpx

# What the commands read; the key comes from nowhere else, since arguments can be seen by others.
DEFAULT_URL = "http://localhost:3000"
URL_VARIABLE = "KRAKEN_BOOK_URL"
KEY_VARIABLE = "KRAKEN_BOOK_KEY"


def http_options(url: str, key: str | None, timeout: httpx.Timeout) -> dict[str, Any]:
    """What an httpx client of the api at `url` takes; `key` is sent as a Bearer token.

    Raises ValueError where `url` is no address of an api.
    """
    address = _address(url)
    return {
        "base_url": address,
        "headers": {} if key is None else {"Authorization": f"Bearer {key}"},
        "follow_redirects": True,
        "timeout": timeout,
        # A proxy of the environment cannot lead to what is on this machine.
        "trust_env": not _is_here(address.host),
    }


def _address(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"{url!r} is no URL of an api: it takes one such as http://localhost:3000")
    return parsed


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
