"""The keys of an api, as they are in its key file: names, digests and what each key permits.

A key file is JSON. It contains no key, only the SHA-256 of each, so it can be read and reviewed:

    {"keys": [{"name": "desk", "sha256": "9f86d0…", "symbols": "BTC/*,ETH/USD",
               "expires": "2027-01-01T00:00:00Z", "limits": {"requests": 600}}]}

`kraken-book keys` writes such files, and the api reads them. This module does no I/O.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec

from kraken_book.errors import Unusable
from kraken_book.selection import Selection, parse_selection

__all__ = [
    "KEY_PREFIX",
    "MAX_FILE_BYTES",
    "MAX_WILDCARDS",
    "NO_LIMITS",
    "AccessKey",
    "KeyLimits",
    "check_name",
    "digest_of",
    "new_key",
    "parse_expiry",
    "parse_key_file",
    "permitted_symbols",
    "render_key_file",
]

MAX_FILE_BYTES = 4 * 1024 * 1024
KEY_PREFIX = "kb_"
# Each is compared with every symbol of the venue.
MAX_WILDCARDS = 100
_KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME_FORM = "1 to 64 letters, digits and . _ @ -, and begins with a letter or a digit"

_AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class KeyLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The limits of one key; None is the setting of the api.

    Attributes:
        requests: Requests per minute.
        streams: Streams that are open at once.
        symbols: Symbols of one stream.
        views: Different choices of symbols and view that are read at once.
        resumes: Resumed streams per minute that must be read from Redis.
    """

    requests: _AtLeastOne | None = None
    streams: _AtLeastOne | None = None
    symbols: _AtLeastOne | None = None
    views: _AtLeastOne | None = None
    resumes: _AtLeastOne | None = None


NO_LIMITS = KeyLimits()
"""The settings of the api apply."""


class AccessKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key of a key file.

    Attributes:
        name: Its name, for logs and limits.
        sha256: The SHA-256 of the key, as 64 hexadecimal digits.
        symbols: The symbols that it permits: names, wildcards and exclusions.
        expires: The time at which it expires, RFC 3339; None for never.
        limits: Its limits.
    """

    name: str
    sha256: str
    symbols: str = "*"
    expires: str | None = None
    limits: KeyLimits = NO_LIMITS

    @property
    def selection(self) -> Selection | None:
        """The symbols that the key permits; None for all."""
        return permitted_symbols(self.symbols)

    @property
    def expires_at(self) -> float | None:
        """The Unix seconds at which the key expires; None for never."""
        return None if self.expires is None else parse_expiry(self.expires).timestamp()


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[AccessKey]


def parse_key_file(content: bytes) -> list[AccessKey]:
    """Return the keys of a key file.

    Args:
        content: The content of the file; empty for no keys.

    Raises:
        Unusable: The content is no key file; the message names the place and the right form.
    """
    if len(content) > MAX_FILE_BYTES:
        raise Unusable(f"a key file has at most {MAX_FILE_BYTES} bytes, this one {len(content)}")
    if not content.strip():
        return []
    try:
        keys = msgspec.json.decode(content, type=_KeyFile).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unusable(f'it is no key file such as {{"keys": [...]}}: {error}') from error
    for index, key in enumerate(keys):
        _check(index, key)
    _check_unique("name", [key.name for key in keys])
    _check_unique("sha256", [key.sha256 for key in keys])
    return keys


def render_key_file(keys: Sequence[AccessKey]) -> bytes:
    """Return the content of a key file with these keys."""
    return msgspec.json.format(msgspec.json.encode(_KeyFile(list(keys))), indent=2) + b"\n"


def new_key() -> str:
    """Return a new key, with 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a key or a ticket, as 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def check_name(name: str) -> str:
    """Return the name of a key; raise Unusable if it is invalid."""
    if not _NAME.fullmatch(name):
        raise Unusable(f"{name[:80]!r} is no name of a key: it has {_NAME_FORM}")
    if name.startswith(KEY_PREFIX):
        # The message does not repeat the name, which may be a key that was given by mistake.
        raise Unusable(f"a name does not begin with {KEY_PREFIX}, as keys do")
    return name


def permitted_symbols(text: str) -> Selection | None:
    """Return the selection in `text`, None for all symbols; raise Unusable if it is invalid."""
    try:
        selection = parse_selection(text).normalized()
    except ValueError as error:
        raise Unusable(str(error)) from error
    wildcards = len(selection.patterns) + len(selection.unwanted)
    if wildcards > MAX_WILDCARDS:
        raise Unusable(
            f"{wildcards} wildcards and exclusions are too many: use at most {MAX_WILDCARDS}, and"
            " names for the rest"
        )
    return None if selection.is_all else selection


def parse_expiry(text: str) -> datetime:
    """Return the time at which a key expires.

    Args:
        text: A date, which means its first moment in UTC, or a time in RFC 3339.

    Raises:
        Unusable: The text is neither.
    """
    try:
        if len(text) == len("2027-01-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unusable(
        f"{text[:80]!r} is no time of expiry: use a date such as 2027-01-01, or a time such as"
        " 2027-01-01T12:00:00Z"
    )


def _check(index: int, key: AccessKey) -> None:
    try:
        check_name(key.name)
        _check_digest(key.sha256)
        permitted_symbols(key.symbols)
        if key.expires is not None:
            parse_expiry(key.expires)
    except Unusable as error:
        shown = "" if key.name.startswith(KEY_PREFIX) else f" ({key.name[:80]!r})"
        raise Unusable(f"keys[{index}]{shown}: {error}") from error


def _check_digest(digest: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise Unusable("sha256 must have 64 hexadecimal digits in lower case")


def _check_unique(member: str, values: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise Unusable(f"keys[{index}]: the {member} {value!r} occurs twice")
        seen.add(value)
