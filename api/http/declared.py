"""Declare what a route takes and answers, once: requests are checked by it, /openapi.json shows it.

`operations` has the declarations of all routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problem_kinds import EVERYWHERE, OF_KEY, OF_LIMIT
from api.http.problems import BadParameter, Problem

MAX_QUERY_BYTES = 32 * 1024
MAX_PATH_BYTES = 1024
# Characters of a client's parameter name that an error repeats.
_SHOWN = 40

TICKET = "ticket"

JSON = "application/json"
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"
JAVASCRIPT = "text/javascript"
TEXT = "text/plain"
SVG = "image/svg+xml"

Handler = Callable[[Request], Awaitable[Response]]
StreamHandler = Callable[[Request, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RouteParameter:
    """A parameter of the query or of the path.

    Attributes:
        name: Its name.
        description: What it means, in Markdown.
        schema: The JSON Schema of its text.
        example: A valid value.
        is_required: Whether a request without it is a 400.
        is_repeatable: Whether it may be given several times.
        is_in_path: Whether it is a part of the path.
    """

    name: str
    description: str
    schema: dict[str, Any]
    example: str
    is_required: bool = False
    is_repeatable: bool = False
    is_in_path: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A route.

    Attributes:
        path: The path in Starlette's form.
        id: A name for generated clients.
        tag: The group in the documentation.
        summary: One line.
        description: More, in Markdown.
        media_type: The content type of the answer.
        answer: The type of the answer, None if it is not JSON.
        line: The type of a line, if the answer may also be NDJSON.
        parameters: All that the route takes.
        headers: The names of response headers besides those of each route.
        problems: The codes of its problems besides those of each route.
        method: The method; GET includes HEAD.
        ignores_query: Whether the query may have any parameters, as those of files.
        takes_ticket: Whether the query may have a ticket.
        can_be_unchanged: Whether it answers 304 to a matching If-None-Match.
        is_public: Whether it needs no key, because it has no data.
        is_limited: Whether it counts for the limit of requests.
        status: The status of a good answer.
    """

    path: str
    id: str
    tag: str
    summary: str
    description: str
    media_type: str = JSON
    answer: Any = None
    line: Any = None
    parameters: tuple[RouteParameter, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    method: str = "GET"
    ignores_query: bool = False
    takes_ticket: bool = False
    can_be_unchanged: bool = False
    is_public: bool = False
    is_limited: bool = True
    status: int = 200

    @property
    def known(self) -> tuple[str, ...]:
        """The names of the parameters that the query may have."""
        names = tuple(each.name for each in self.parameters if not each.is_in_path)
        return (*names, TICKET) if self.takes_ticket else names

    @property
    def all_problems(self) -> tuple[str, ...]:
        """The codes of all its problems."""
        keys = () if self.is_public else OF_KEY
        limits = OF_LIMIT if self.is_limited else ()
        return (*EVERYWHERE, *keys, *limits, *self.problems)

    @property
    def first_part(self) -> str:
        """The first part of the path."""
        return self.path.lstrip("/").split("/", 1)[0]

    def check(self, request: Request) -> None:
        """Raise Problem if a path or query is too long, or has a parameter that is not declared."""
        if len(request.scope["raw_path"]) > MAX_PATH_BYTES:
            raise Problem(414, "uri-too-long", f"the path has more than {MAX_PATH_BYTES} bytes")
        query: bytes = request.scope["query_string"]
        if not query:
            return
        if len(query) > MAX_QUERY_BYTES:
            raise Problem(414, "uri-too-long", f"the query has more than {MAX_QUERY_BYTES} bytes")
        if self.ignores_query:
            return
        known = self.known
        # The request keeps the parsed query for the handler.
        for name in request.query_params:
            if name not in known:
                raise BadParameter(name[:_SHOWN], f"unknown; {_hint(name, known)}")


def serve(operation: Operation, handler: Handler) -> Route:
    """Return the route of an operation, which checks each request before `handler` gets it."""
    return _route(operation, CheckedHandler(operation, handler))


def serve_stream(operation: Operation, stream: StreamHandler) -> Route:
    """Return the route of an operation whose answer `stream` sends itself."""
    return _route(operation, CheckedStream(operation, stream))


def _route(operation: Operation, app: ASGIApp) -> Route:
    return Route(operation.path, app, methods=[operation.method], name=operation.id)


class CheckedHandler:
    """An ASGI application that checks each request, and sends the response of its handler.

    For a function as an endpoint, Starlette would make a second request, and handle exceptions
    twice.

    Args:
        operation: What a request may contain.
        handler: Returns the response.
    """

    def __init__(self, operation: Operation, handler: Handler) -> None:
        self._operation = operation
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; raise Problem if it is not as declared."""
        request = Request(scope, receive)
        self._operation.check(request)
        response = await self._handler(request)
        await response(scope, receive, send)


class CheckedStream:
    """An ASGI application that checks each request before `stream` answers it.

    Args:
        operation: What a request may contain.
        stream: Sends the answer.
    """

    def __init__(self, operation: Operation, stream: StreamHandler) -> None:
        self._operation = operation
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream; raise Problem if the request is not as declared."""
        request = Request(scope, receive)
        self._operation.check(request)
        await self._stream(request, send)


def _hint(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name[:_SHOWN].lower(), known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    if known:
        return f"the parameters here are {', '.join(known)}"
    return "there are no parameters here"
