"""REST requests and answers, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec


class RestCall(NamedTuple):
    """A GET request; a repeated parameter has its last value."""

    path: str
    query: Mapping[str, str]

    @classmethod
    def parse(cls, target: str) -> RestCall:
        """Return the request for a path with a query, as in the request line."""
        parts = urlsplit(target)
        return cls(unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)))

    def integer(self, name: str, default: int) -> int | None:
        """Return an integer of the query, or None if it is none."""
        try:
            return int(self.query.get(name, str(default)))
        except ValueError:
            return None


class RestAnswer(NamedTuple):
    """A status, a JSON body and further headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


def json_answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> RestAnswer:
    """Return an answer with a body of JSON."""
    return RestAnswer(status, msgspec.json.encode(content), headers or {})
