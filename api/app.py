"""The routes, put together."""

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

from api.delivery.streams import Streams
from api.follow.tail import Tail
from api.http.books import Books
from api.http.ops import Ops
from api.http.problems import Problem, on_failure, on_http_exception, on_problem
from api.http.proxies import TrustedProxies
from api.http.request_log import RequestLog
from api.http.stream_route import StreamRoute
from api.store.book_store import BookStore
from api.store.directory import Directory
from api.views.channel_registry import ChannelRegistry

PAGE = Path(__file__).parent / "page"
PAGE_HEADERS = {
    # The page needs nothing from anywhere else, and says so to the browser.
    "Content-Security-Policy": "default-src 'self'",
    "X-Content-Type-Options": "nosniff",
    # Asked for again each time: after an upgrade no old module meets a new one.
    "Cache-Control": "no-cache",
}


def make_app(
    store: BookStore,
    directory: Directory,
    tail: Tail,
    channels: ChannelRegistry,
    streams: Streams,
    max_age: float,
    proxies: TrustedProxies | None = None,
) -> ASGIApp:
    """Return the application over one of each of its parts."""
    stream = StreamRoute(directory, tail, channels, streams)
    books = Books(store, directory, max_age)
    ops = Ops(store, streams)
    app = Starlette(
        routes=[
            # First what is asked for most: they are tried in turn.
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
        ],
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_exception,
            Exception: on_failure,
        },
    )
    # A redirect is no error of ours to a program that follows none: what is not served is a 404.
    app.router.redirect_slashes = False
    # Outside of everything, so that an answer that nobody expected has its line and its id too.
    return RequestLog(app, proxies)


class PageFiles(StaticFiles):
    """The page's modules and style, with the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Answer with a file, or with 304."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(PAGE_HEADERS)
        return response


async def page(_request: Request) -> Response:
    """The live page."""
    return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)
