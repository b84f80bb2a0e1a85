"""The route /events: the events that a book's stream still holds, page by page."""

from __future__ import annotations

from typing import cast

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.http.answers import EventsAnswer, StoredEvent
from api.http.books import SOURCE_HEADER, source_of
from api.http.declared import JSON, NDJSON
from api.http.event_parameters import parse_events_request
from api.http.json_text import encode_json
from api.store.directory import Directory
from api.store.errors import redis_away
from api.store.history import EventHistory, HistoryPage
from api.store.stream_entry import StreamEntry, id_order
from kraken_book.event import Snapshot, StatusChange, Update
from kraken_book.timestamps import rfc3339


class Events:
    """The handler of the route.

    The state of the book does not matter: it may be syncing, refused, stale or gone.

    Args:
        directory: Finds symbols.
        history: Reads past events.
    """

    def __init__(self, directory: Directory, history: EventHistory) -> None:
        self._directory = directory
        self._history = history

    async def events(self, request: Request) -> Response:
        """Answer with a page of events; raise Problem or ApiError if there is none."""
        asked = parse_events_request(request.query_params)
        visible = caller_of(request.scope).symbols
        symbol = await self._directory.resolve(request.path_params["symbol"], visible)
        try:
            page = await self._history.page(symbol, asked.part, asked.limit)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        following = page.continue_after and asked.next_query(page.continue_after)
        source = source_of(self._directory.last_states(visible))
        headers = {"Cache-Control": "no-cache", SOURCE_HEADER: source, **_about(page, following)}
        answer = events_answer(symbol, page, following)
        if asked.format == "ndjson":
            body = b"".join([encode_json(each) + b"\n" for each in answer.events])
            return Response(body, 200, headers, NDJSON)
        return Response(encode_json(answer), 200, headers, JSON)


def events_answer(symbol: str, page: HistoryPage, following: str | None) -> EventsAnswer:
    """Return the body of /events.

    Args:
        symbol: The symbol.
        page: Its events.
        following: The address of the next page, None if there is none.
    """
    return EventsAnswer(
        symbol=symbol,
        first_id=page.first_id,
        last_id=page.last_id,
        is_trimmed=page.is_trimmed,
        next=following,
        events=[_stored(each) for each in page.entries],
    )


def _stored(entry: StreamEntry) -> StoredEvent:
    milliseconds, _ = id_order(entry.id)
    # The event is JSON already, and the encoder copies it.
    event = cast("Update | Snapshot | StatusChange", msgspec.Raw(entry.data))
    return StoredEvent(entry.id, rfc3339(milliseconds * 1_000_000), event)


def _about(page: HistoryPage, following: str | None) -> dict[str, str]:
    """Return the headers about a page, which say the same as its JSON."""
    headers = {"X-Events-Trimmed": "true" if page.is_trimmed else "false"}
    if page.first_id is not None:
        headers["X-Events-First-Id"] = page.first_id
    if page.last_id is not None:
        headers["X-Events-Last-Id"] = page.last_id
    if following is not None:
        headers["Link"] = f'<{following}>; rel="next"'
    return headers
