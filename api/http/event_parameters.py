"""Parse the parameters of /events, which choose a part of a stream.

?from=2026-08-02T03:35:00Z&to=1785638131660   ?after=1785638131660-1042   ?limit=1000&format=ndjson
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.http.declared import RouteParameter
from api.http.parameters import single
from api.http.problems import BadParameter
from api.store.history import MAX_NUMBER, NEWEST, EventRange, Id
from kraken_book.timestamps import parse_rfc3339

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
_MAX_SHOWN = 40

_ID_PATTERN = "^[0-9]{1,15}-[0-9]{1,20}$"
_ID = re.compile(_ID_PATTERN, re.ASCII)
# Times since 1973 have at least 12 digits. Shorter ones are seconds by mistake.
_MILLISECONDS_PATTERN = "^(0|[1-9][0-9]{11,14})$"
_MILLISECONDS = re.compile(_MILLISECONDS_PATTERN, re.ASCII)
_SECONDS = re.compile(r"[1-9][0-9]{8,9}", re.ASCII)
# A space before the offset is a `+` that the client did not encode.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,30})?)(?:([Zz])|([+\- ])(\d\d:\d\d))", re.ASCII
)
_FORMS = (
    "an event's id such as 1785638131660-1042, a time in milliseconds such as 1785638131660, or one"
    " such as 2026-08-02T03:35:31Z"
)

_POINT = {
    "type": "string",
    "anyOf": [
        {"pattern": _ID_PATTERN},
        {"pattern": _MILLISECONDS_PATTERN},
        {"format": "date-time"},
    ],
}
FROM = RouteParameter(
    "from",
    "The first event: an id, a Unix time in milliseconds, or an RFC 3339 time. By default the"
    " oldest one that is left. It excludes `after`.",
    _POINT,
    "2026-08-02T03:35:31Z",
)
AFTER = RouteParameter(
    "after",
    "The id of the event before the first one, as in `next`. It excludes `from`.",
    {"type": "string", "pattern": _ID_PATTERN},
    "1785638131660-1042",
)
TO = RouteParameter(
    "to",
    "The last event, in the same forms; a time includes its whole millisecond. By default the"
    " newest one.",
    _POINT,
    "1785638131660",
)
LIMIT = RouteParameter(
    "limit",
    f"The number of events of a page, from 1 to {MAX_LIMIT}; by default {DEFAULT_LIMIT}.",
    {"type": "string", "pattern": "^0*([1-9][0-9]{0,2}|1000)$"},
    "500",
)
FORMAT = RouteParameter(
    "format",
    "`json`, the default, or `ndjson`: one event in each line.",
    {"type": "string", "enum": ["json", "ndjson"]},
    "json",
)

Format = Literal["json", "ndjson"]


class EventsRequest(NamedTuple):
    """The parameters of a request for events."""

    part: EventRange
    limit: int
    format: Format
    query: dict[str, str]
    """The parameters as the client wrote them."""

    def next_query(self, after: str) -> str:
        """Return the query of the next page, which is also a reference relative to this page.

        Args:
            after: The id after which the next page begins.
        """
        kept = {name: text for name, text in self.query.items() if name not in ("from", "after")}
        return f"?{urlencode({'after': after, **kept})}"


def parse_events_request(query: QueryParams) -> EventsRequest:
    """Return the parameters of a request for events; raise BadParameter if one is invalid."""
    names = [each.name for each in (FROM, AFTER, TO, LIMIT, FORMAT)]
    given = {name: text for name in names if (text := single(query, name)) is not None}
    return EventsRequest(
        _parse_range(given), parse_limit(given.get("limit")), _parse_format(given), given
    )


def parse_limit(text: str | None) -> int:
    """Return the number of events of a page; raise BadParameter if it is invalid."""
    if text is None:
        return DEFAULT_LIMIT
    digits = text.lstrip("0")
    # A number with more digits is not converted.
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_LIMIT))
    if not is_number or int(digits) > MAX_LIMIT:
        shown = text[:_MAX_SHOWN]
        raise BadParameter("limit", f"{shown!r} is not a whole number from 1 to {MAX_LIMIT}")
    return int(digits)


def _parse_format(given: dict[str, str]) -> Format:
    text = given.get("format", "json")
    if text not in ("json", "ndjson"):
        raise BadParameter("format", f"{text[:_MAX_SHOWN]!r} is not a format; use json or ndjson")
    return "ndjson" if text == "ndjson" else "json"


def _parse_range(given: dict[str, str]) -> EventRange:
    start = end = None
    if "from" in given and "after" in given:
        raise BadParameter("after", "give from, which is included, or after, which is not")
    if "from" in given:
        start = parse_point("from", given["from"], number=0)
    elif "after" in given:
        start = _parse_id(given["after"])
        if start is None:
            shown = given["after"][:_MAX_SHOWN]
            hint = "an event's id such as 1785638131660-1042; use from for a time"
            raise BadParameter("after", f"{shown!r} is not {hint}")
    if "to" in given:
        end = parse_point("to", given["to"], number=MAX_NUMBER)
    if start is not None and end is not None and start > end:
        name = "from" if "from" in given else "after"
        raise BadParameter(name, f"it is later than to, {given['to'][:_MAX_SHOWN]!r}")
    return EventRange(start, NEWEST if end is None else min(end, NEWEST), "after" in given)


def parse_point(name: str, text: str, number: int) -> Id:
    """Return the id that begins or ends a part of a stream.

    Args:
        name: The name of the parameter.
        text: An id, a Unix time in milliseconds, or an RFC 3339 time.
        number: The second part of the id if the text is a time.

    Raises:
        BadParameter: The text has another form.
    """
    if (entry_id := _parse_id(text)) is not None:
        return entry_id
    if _MILLISECONDS.fullmatch(text):
        return int(text), number
    if (milliseconds := _parse_time(text)) is not None:
        return max(0, milliseconds), number
    hint = f"; in milliseconds it is {text}000" if _SECONDS.fullmatch(text) else ""
    raise BadParameter(name, f"{text[:_MAX_SHOWN]!r} is not {_FORMS}{hint}")


def _parse_id(text: str) -> Id | None:
    if not _ID.fullmatch(text):
        return None
    milliseconds, _, number = text.partition("-")
    # Redis refuses greater numbers, and no entry has one.
    return int(milliseconds), min(int(number), MAX_NUMBER)


def _parse_time(text: str) -> int | None:
    """Return an RFC 3339 time in milliseconds, None if the text is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    date, time, utc, sign, offset = match.groups()
    zone = "Z" if utc else f"{'-' if sign == '-' else '+'}{offset}"
    try:
        return parse_rfc3339(f"{date}T{time}{zone}") // 1_000_000
    except ValueError:
        return None
