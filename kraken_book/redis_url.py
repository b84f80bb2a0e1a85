"""Hide the password in the URL of a Redis server, or find the file that contains it.

The library connects to Redis only to replay a recording; services do it by `runtime.redis`.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode

__all__ = ["FILE_PARAMETER", "split_url", "without_password", "without_password_file"]

FILE_PARAMETER = "password_file"
"""The URL parameter with the path of the password file."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<netloc>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)


def split_url(url: str) -> SplitResult | None:
    """Return the parts of a URL, without its fragment; None if it has no scheme.

    Args:
        url: A URL, which may have a list of addresses.
    """
    # urlsplit of some Python versions refuses a list of addresses if one of them has brackets.
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, netloc, path, query = match.group("scheme", "netloc", "path", "query")
    return SplitResult(scheme.lower(), netloc, path, query or "", "")


def without_password(url: str) -> str:
    """Return `url` with `***` in place of its passwords, even if it is not a valid URL."""
    shown = re.sub(r"(://[^:@/?#]*:).*@", r"\1***@", url)
    return re.sub(r"([?&](?:ssl_)?password=)[^&]*", r"\1***", shown)


def without_password_file(url: str) -> tuple[str, str, str]:
    """Split the password file from the URL of one server.

    Args:
        url: A URL that redis-py accepts, except for `?password_file=`.

    Returns:
        The URL without user and file, the user, and the path of the file; if the URL has no file,
        the URL as it was and two empty texts.
    """
    parts = split_url(url)
    parameters = [] if parts is None else parse_qsl(parts.query, keep_blank_values=True)
    path = dict(parameters).get(FILE_PARAMETER, "")
    if parts is None or not path:
        return url, "", ""
    user, _, address = parts.netloc.rpartition("@")
    query = urlencode([each for each in parameters if each[0] != FILE_PARAMETER])
    plain = f"{parts.scheme}://{address}{parts.path}" + (f"?{query}" if query else "")
    return plain, unquote(user.rpartition(":")[0] or user), path
