"""What a request for a stream asks for: which books, in which view, from where on."""

from __future__ import annotations

import re

from starlette.requests import Request

from api.channels import Choice
from api.cut import parse_cut
from api.directory import Directory
from api.problems import bad_parameter

_EVENT_ID = re.compile(r"\d{1,15}-\d{1,18}", re.ASCII)
_WATERMARK = re.compile(r"\d{1,15}", re.ASCII)


async def parse_choice(request: Request, directory: Directory) -> Choice:
    """The books and the view that are asked for; raises Problem."""
    query = request.query_params
    cut = parse_cut(query.get("levels"), query.get("view"), query.get("interval"))
    named = request.path_params.get("symbol")
    if named is not None:
        return Choice((await directory.resolve(named),), cut, is_many=False)
    names = [name for name in query.get("symbols", "").split(",") if name.strip()]
    if not names:
        raise bad_parameter("symbols", "which books? symbols=BTC/USD,ETH/USD, or symbols=* for all")
    if names == ["*"]:
        return Choice(None, cut, is_many=True)
    if "*" in names:
        raise bad_parameter("symbols", "symbols=* is all books: take it alone, or name some")
    symbols = {await directory.resolve(name.strip()) for name in names}
    return Choice(tuple(sorted(symbols)), cut, is_many=True)


def last_event_id(request: Request, *, is_many: bool) -> str | None:
    """The event to go on after, None for a fresh stream; raises Problem where it is none."""
    form, example = (
        (_WATERMARK, "a time in milliseconds, such as 1785638131660")
        if is_many
        else (_EVENT_ID, "an event's id, such as 1785638131660-1042")
    )
    for name, text in (
        ("Last-Event-ID", request.headers.get("Last-Event-ID")),
        ("last_event_id", request.query_params.get("last_event_id")),
    ):
        if text:
            if not form.fullmatch(text):
                raise bad_parameter(name, f"{text[:40]!r} is not {example}")
            return text
    return None
