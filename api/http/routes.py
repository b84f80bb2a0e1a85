"""Build the api's ASGI application from its routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api.access.authenticator import Authenticator
from api.access.gate import Gate
from api.delivery.stream_start import StreamStarter
from api.delivery.streams import Streams
from api.http.books import Books
from api.http.ops import Ops
from api.http.problems import Problem, on_failure, on_http_exception, on_problem
from api.http.proxies import TrustedProxies
from api.http.request_log import RequestLogger
from api.http.stream_route import StreamRoute
from api.http.ticket_route import TicketRoute
from api.store.book_store import BookStore
from api.store.directory import Directory
from api.store.errors import ApiError

PAGE = Path(__file__).parent.parent / "page"
PAGE_HEADERS = {
    # The page loads nothing from other origins.
    "Content-Security-Policy": "default-src 'self'",
    "X-Content-Type-Options": "nosniff",
    # Revalidated each time, so that an upgrade never mixes old and new modules.
    "Cache-Control": "no-cache",
}


def make_app(
    store: BookStore,
    directory: Directory,
    starter: StreamStarter,
    streams: Streams,
    max_age: float,
    proxies: TrustedProxies | None = None,
    authenticator: Authenticator | None = None,
) -> ASGIApp:
    """Return the application.

    Args:
        store: Reads books.
        directory: Finds symbols.
        starter: Starts streams.
        streams: The open streams.
        max_age: Seconds without a confirmation after which a book is stale.
        proxies: The proxies that are trusted to write `X-Forwarded-For`; none by default.
        authenticator: Decides about keys and tokens; None if the api needs none.
    """
    stream = StreamRoute(directory, starter, streams)
    books = Books(store, directory, max_age)
    ops = Ops(store, streams)
    app = Starlette(
        routes=[
            # Routes are tried in order, so the busiest comes first.
            Route("/depth/{symbol:path}", books.depth),
            Route("/", page),
            Mount("/page", PageFiles(directory=PAGE)),
            Route("/symbols", books.symbols),
            Route("/books", books.books),
            Route("/stream", stream, methods=["GET"]),
            Route("/stream/{symbol:path}", stream, methods=["GET"]),
            Route("/healthz", ops.healthz),
            Route("/readyz", ops.readyz),
            Route("/metrics", ops.metrics),
            *_access_routes(authenticator),
        ],
        exception_handlers={
            ApiError: on_problem,
            Problem: on_problem,
            HTTPException: on_http_exception,
            Exception: on_failure,
        },
    )
    # A redirect would hide a wrong path from clients that do not follow redirects.
    app.router.redirect_slashes = False
    guarded = app if authenticator is None else Gate(app, authenticator, on_problem)
    # Outermost, so that responses to unexpected exceptions have a log line and an id too.
    return RequestLogger(guarded, proxies)


def _access_routes(authenticator: Authenticator | None) -> list[Route]:
    if authenticator is None:
        return []
    return [Route("/tickets", TicketRoute(authenticator.tickets).issue, methods=["POST"])]


class PageFiles(StaticFiles):
    """The page's modules and styles, with the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response with a file, or a 304."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(PAGE_HEADERS)
        return response


async def page(_request: Request) -> Response:
    """Answer with the live page."""
    return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)
