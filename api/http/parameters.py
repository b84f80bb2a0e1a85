"""Parse the parameters of requests into typed values.

?levels=5   ?view=top   ?interval=100ms   ?symbols=BTC/USD,ETH/USD   ?last_event_id=…
"""

from __future__ import annotations

import re

from starlette.datastructures import QueryParams
from starlette.requests import Request

from api.delivery.stream_start import StreamRequest
from api.http.problems import bad_parameter
from api.views.view import View

MAX_LEVELS_DIGITS = 9
MIN_INTERVAL, MAX_INTERVAL = 0.01, 60.0

_INTERVAL = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s)", re.ASCII)
_EVENT_ID = re.compile(r"\d{1,15}-\d{1,18}", re.ASCII)
_WATERMARK = re.compile(r"\d{1,15}", re.ASCII)


def parse_stream_request(request: Request) -> StreamRequest:
    """Return what a request for a stream asks for; raise Problem if that makes no sense."""
    query = request.query_params
    levels, view, interval = (single(query, name) for name in ("levels", "view", "interval"))
    chosen = parse_view(levels, view, interval)
    named = request.path_params.get("symbol")
    names = (named,) if named is not None else _names(query)
    is_many = named is None
    return StreamRequest(names, chosen, is_many, _last_event_id(request, is_many=is_many))


def parse_view(levels: str | None, view: str | None, interval: str | None) -> View | None:
    """Return the view that these parameters ask for, None if none is given; raise Problem."""
    if levels is None and view is None and interval is None:
        return None
    if view is not None and view != "top":
        raise bad_parameter("view", f"{view[:40]!r} is no view; there is one: top")
    if view is not None and levels is not None:
        raise bad_parameter("view", "view=top shows no levels: take levels or view, not both")
    wanted = 0 if view else parse_levels(levels)
    return View(wanted, parse_interval(interval) if interval is not None else 0.0)


def parse_levels(text: str | None) -> int | None:
    """Return the number of levels of each side, None for all; raise Problem."""
    if text is None:
        return None
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        raise bad_parameter("levels", f"{text[:40]!r} is no whole number above 0, such as 10")
    # A number of more digits is above the depth of every book.
    return int(digits) if len(digits) <= MAX_LEVELS_DIGITS else None


def parse_interval(text: str) -> float:
    """Return an interval in seconds; raise Problem."""
    match = _INTERVAL.fullmatch(text)
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else 0.0
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise bad_parameter(
            "interval", f"{text[:40]!r} is no time from 10ms to 60s, such as 100ms or 1s"
        )
    return seconds


def single(query: QueryParams, name: str) -> str | None:
    """Return the value of a parameter, None if it is absent; raise Problem if it is repeated."""
    values = query.getlist(name)
    if len(values) > 1:
        raise bad_parameter(name, f"it is given {len(values)} times, and is to be given once")
    return values[0] if values else None


def _last_event_id(request: Request, *, is_many: bool) -> str | None:
    """Return the id to resume after, None for a fresh stream; raise Problem if it is no id."""
    form, example = (
        (_WATERMARK, "a time in milliseconds, such as 1785638131660")
        if is_many
        else (_EVENT_ID, "an event's id, such as 1785638131660-1042")
    )
    for name, text in (
        ("Last-Event-ID", request.headers.get("Last-Event-ID")),
        ("last_event_id", single(request.query_params, "last_event_id")),
    ):
        if text:
            if not form.fullmatch(text):
                raise bad_parameter(name, f"{text[:40]!r} is not {example}")
            return text
    return None


def _names(query: QueryParams) -> tuple[str, ...] | None:
    """Return the names in every `symbols=`, None for all symbols; raise Problem."""
    given = ",".join(query.getlist("symbols"))
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    if not names:
        raise bad_parameter("symbols", "which books? symbols=BTC/USD,ETH/USD, or symbols=* for all")
    if set(names) == {"*"}:
        return None
    if "*" in names:
        raise bad_parameter("symbols", "symbols=* is all books: take it alone, or name some")
    return names
