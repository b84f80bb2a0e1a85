"""What a request for a stream asks for: which books, in which view, from where on."""

from __future__ import annotations

import re
from typing import NamedTuple

from starlette.requests import Request

from api.http.books import single
from api.http.problems import bad_parameter
from api.store.directory import Directory
from api.views.channel_registry import Choice
from api.views.view import View, parse_view
from kraken_book.symbols import is_symbol, normalize_symbol

_EVENT_ID = re.compile(r"\d{1,15}-\d{1,18}", re.ASCII)
_WATERMARK = re.compile(r"\d{1,15}", re.ASCII)


class Asked(NamedTuple):
    """A request for a stream, as it came, before its symbols are looked up.

    `names` are as they were given, None for all. `event_id` is the event to go on after.
    """

    names: tuple[str, ...] | None
    cut: View | None
    is_many: bool
    event_id: str | None

    @property
    def may_be_symbols(self) -> bool:
        """Return whether each name might be a symbol's."""
        return all(is_symbol(symbol) for symbol in self.symbols)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the names in Redis's spelling, as far as that is known without the list."""
        return tuple(dict.fromkeys(map(normalize_symbol, self.names or ())))

    async def choice(self, directory: Directory) -> Choice:
        """Return the books and the view that are meant; raises Problem."""
        if self.names is None:
            return Choice(None, self.cut, self.is_many)
        symbols = {await directory.resolve(name) for name in self.names}
        return Choice(tuple(sorted(symbols)), self.cut, self.is_many)


def parse_asked(request: Request) -> Asked:
    """Return what a request for a stream asks for; raises Problem if that makes no sense."""
    query = request.query_params
    levels, view, interval = (single(query, name) for name in ("levels", "view", "interval"))
    cut = parse_view(levels, view, interval)
    named = request.path_params.get("symbol")
    names = (named,) if named is not None else _names(request)
    is_many = named is None
    return Asked(names, cut, is_many, last_event_id(request, is_many=is_many))


def last_event_id(request: Request, *, is_many: bool) -> str | None:
    """Return the event to go on after, None for a fresh stream; raises Problem if it is none."""
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


def _names(request: Request) -> tuple[str, ...] | None:
    """Return the names in `symbols=`, of all if it is repeated; None for all symbols."""
    given = ",".join(request.query_params.getlist("symbols"))
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    if not names:
        raise bad_parameter("symbols", "which books? symbols=BTC/USD,ETH/USD, or symbols=* for all")
    if set(names) == {"*"}:
        return None
    if "*" in names:
        raise bad_parameter("symbols", "symbols=* is all books: take it alone, or name some")
    return names
