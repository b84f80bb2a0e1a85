"""The past events of a book, which the api reads page by page from its stream.

This module has the requests of `/events` and the pages in its answers, without I/O.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self
from urllib.parse import parse_qs, quote, urlencode

import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.arguments import Time, checked_whole, parse_time, requested_names
from kraken_book.client.depth import require_symbol
from kraken_book.client.fetch import Answer
from kraken_book.errors import Unusable
from kraken_book.event import Event, Lagged
from kraken_book.printable import printable
from kraken_book.timestamps import rfc3339

__all__ = ["MAX_LIMIT", "PAGE_LIMIT", "EventPage", "PageRequest", "Pages", "PastEvent"]

PAGE_LIMIT, MAX_LIMIT = 100, 1000
MAX_SHOWN = 60
_BEFORE_ALL = (-1, -1)
_ID = re.compile(r"\d{1,15}-\d{1,20}", re.ASCII)


class PastEvent(msgspec.Struct, frozen=True):
    """An event that a book's stream still holds.

    Attributes:
        id: The id, after which a stream or a page can continue; None for `Lagged`.
        time: The time in the id, RFC 3339; None for `Lagged`.
        event: The event. A `Lagged` takes the place of events that may be gone; only `iter_events`
            yields it.
    """

    id: str | None
    time: str | None
    event: Event


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some consecutive past events of one book, oldest first.

    Attributes:
        symbol: The symbol in the api's spelling.
        events: The events. There may be fewer than asked for, or none, although others follow.
        next: The id to pass as `after` for the next page; None if no event of the part follows.
        is_trimmed: Whether events between `start` or `after` and the first event here may be gone.
        first_id: The id of the oldest event that the stream held then; None if it was empty.
        last_id: The id of the newest event that the stream held then; None if it was empty.
    """

    symbol: str
    events: tuple[PastEvent, ...]
    next: str | None
    is_trimmed: bool
    first_id: str | None
    last_id: str | None


_page = msgspec.json.Decoder(EventPage)


class PageRequest(NamedTuple):
    """A request for one page.

    Attributes:
        name: The symbol in any spelling.
        query: The parameters of the route.
    """

    name: str
    query: dict[str, str]

    @classmethod
    def of(
        cls, symbol: str, start: Time | None, after: str | None, end: Time | None, limit: int
    ) -> Self:
        """Return the request of the arguments of `Client.get_events`.

        Raises:
            Unusable: An argument is invalid.
        """
        (name,) = requested_names((symbol,), most=1)
        if start is not None and after is not None:
            raise Unusable("give start=, which is included, or after=, which is not")
        if after is not None and _id(after) is None:
            shown = printable(repr(after)[:MAX_SHOWN])
            raise Unusable(
                f"after={shown}: use an event's id such as 1785638131660-1042, or start= for a time"
            )
        points = {"from": _point("start", start), "after": after, "to": _point("end", end)}
        query = {name: text for name, text in points.items() if text is not None}
        number = checked_whole(limit, "limit", MAX_LIMIT, PAGE_LIMIT)
        return cls(name, {**query, "limit": str(number)})

    @property
    def path(self) -> str:
        """The path and the query."""
        return f"/events/{quote(self.name, '')}?{urlencode(self.query)}"

    def read_page(self, answer: Answer, address: ApiAddress) -> EventPage:
        """Return the page of an answer.

        An answer without a page raises its error. If the page is of another symbol, BookInvalid is
        raised.

        Args:
            answer: The answer.
            address: The address of the api, for messages.
        """
        if answer.status != 200:
            raise answer.error(address)
        try:
            page = self._checked(_page.decode(answer.body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise answer.error(address) from None
        require_symbol(self.name, page.symbol)
        return page

    def _checked(self, page: EventPage) -> EventPage:
        """Return a page with the id of its link instead of the link.

        A link may lead to any address, to which the key would be sent.

        Raises:
            msgspec.DecodeError: The page does not lead on from event to event.
        """
        before = _id(self.query.get("after")) or _BEFORE_ALL
        last = before
        for past in page.events:
            order = _id(past.id)
            if order is None or order <= last or past.event.symbol != page.symbol:
                raise msgspec.DecodeError("an event does not belong here")
            last = order
        if page.next is None:
            return page
        after = parse_qs(page.next.rpartition("?")[2]).get("after", [""])[0]
        following = _id(after)
        if following is None or following < last or following == before:
            raise msgspec.DecodeError("the link does not lead on")
        return msgspec.structs.replace(page, next=after)


class Pages:
    """The way through all pages of a part.

    Without an end, the part ends with the newest event of the time of the first page, so that it
    ends although new events come.

    Args:
        first: The request for the first page.
    """

    def __init__(self, first: PageRequest) -> None:
        self._query = first.query
        self.request: PageRequest | None = first
        """The request for the next page, None after the last one."""

    def take(self, page: EventPage) -> list[PastEvent]:
        """Go on to the next page.

        Args:
            page: The answer to `request`.

        Returns:
            The events of the page, after a `Lagged` if events before them may be gone.
        """
        assert self.request is not None, "there is no further page"
        self.request = self._request_after(page, self.request.name)
        lagged = PastEvent(None, None, Lagged(page.symbol, None, "trimmed"))
        return [lagged, *page.events] if page.is_trimmed else list(page.events)

    def _request_after(self, page: EventPage, name: str) -> PageRequest | None:
        following, last = _id(page.next), _id(page.last_id)
        if following is None or page.next is None:
            return None
        # After Redis has lost the end of the stream, `next` may be later than `last_id`.
        if "to" not in self._query and page.last_id and last is not None and last >= following:
            self._query = {**self._query, "to": page.last_id}
        kept = {key: text for key, text in self._query.items() if key not in ("from", "after")}
        return PageRequest(name, {"after": page.next, **kept})


def _point(argument: str, given: Time | None) -> str | None:
    """Return the start or the end of a part as the api reads it.

    Raises:
        Unusable: It is neither an id nor a time with a time zone.
    """
    if given is None or (isinstance(given, str) and _id(given) is not None):
        return given
    try:
        microseconds = parse_time(argument, given)
    except Unusable as error:
        raise Unusable(f"{error}, or an event's id such as 1785638131660-1042") from None
    return None if microseconds is None else rfc3339(microseconds * 1000)


def _id(text: object) -> tuple[int, int] | None:
    """Return an event's id as a sort key; None if it is not one."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        return None
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number)
