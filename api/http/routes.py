"""Build the api's ASGI application from its routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api.delivery.stream_start import StreamStarter
from api.delivery.streams import Streams
from api.http.books import Books
from api.http.cors import with_cors
from api.http.entry import Entry
from api.http.hosts import HostCheck
from api.http.ops import Ops
from api.http.problems import Problem, on_failure, on_http_exception, on_problem
from api.http.proxies import TrustedProxies
from api.http.request_log import RequestLogger
from api.http.stream_route import StreamRoute
from api.http.web_headers import PAGE_POLICY, WebHeaders
from api.http.web_settings import CorsOrigins
from api.store.book_store import BookStore
from api.store.directory import Directory
from api.store.errors import ApiError

PAGE = Path(__file__).parent.parent / "page"
PAGE_HEADERS = {
    # Also for the page's worker, which has the policy of its own file.
    "Content-Security-Policy": PAGE_POLICY,
    # Revalidated each time, so that an upgrade never mixes old and new modules.
    "Cache-Control": "no-cache",
}
# Crawlers may find the page. The books change faster than they come back.
ROBOTS = "User-agent: *\nAllow: /$\nDisallow: /\n"
METHODS = "GET, HEAD, OPTIONS, POST"


@dataclass(frozen=True)
class Site:
    """How the api is reached from the web.

    Attributes:
        hosts: The check of hosts.
        origins: Origins whose pages may read the api; None for its own alone.
        root_path: The path below which a proxy serves the api; empty for none.
        has_ops: Whether the operator endpoints are on the same port.
        proxies: The proxies that are trusted to write `X-Forwarded-For`; none by default.
    """

    hosts: HostCheck = field(default_factory=HostCheck.of_any_host)
    origins: CorsOrigins | None = None
    root_path: str = ""
    has_ops: bool = True
    proxies: TrustedProxies = field(default_factory=TrustedProxies)


def make_app(
    store: BookStore,
    directory: Directory,
    starter: StreamStarter,
    streams: Streams,
    max_age: float,
    site: Site | None = None,
) -> ASGIApp:
    """Return the application.

    Args:
        store: Reads books.
        directory: Finds symbols.
        starter: Starts streams.
        streams: The open streams.
        max_age: Seconds without a confirmation after which a book is stale.
        site: How the api is reached from the web; by default without checks and options.
    """
    site = site or Site()
    stream = StreamRoute(directory, starter, streams)
    books = Books(store, directory, max_age)
    routes: list[BaseRoute] = [
        # Routes are tried in order, so the busiest comes first.
        Route("/depth/{symbol:path}", books.depth),
        Route("/", page),
        Mount("/page", PageFiles(directory=PAGE)),
        Route("/symbols", books.symbols),
        Route("/books", books.books),
        Route("/stream", stream, methods=["GET"]),
        Route("/stream/{symbol:path}", stream, methods=["GET"]),
        Route("/favicon.ico", favicon),
        Route("/robots.txt", robots),
    ]
    if site.has_ops:
        routes += ops_routes(store, streams)
    return _behind_the_web(_router(routes), routes, site)


def make_ops_app(store: BookStore, streams: Streams, site: Site) -> ASGIApp:
    """Return the application of a port for operator endpoints alone."""
    routes = ops_routes(store, streams)
    return _behind_the_web(_router(routes), routes, site)


def ops_routes(store: BookStore, streams: Streams) -> list[BaseRoute]:
    """Return the routes of the operator endpoints."""
    ops = Ops(store, streams)
    return [
        Route("/healthz", ops.healthz),
        Route("/readyz", ops.readyz),
        Route("/metrics", ops.metrics),
    ]


def _router(routes: Sequence[BaseRoute]) -> ASGIApp:
    app = Starlette(
        routes=routes,
        exception_handlers={
            ApiError: on_problem,
            Problem: on_problem,
            HTTPException: on_http_exception,
            Exception: on_failure,
        },
    )
    # `Entry` redirects, with addresses that are right behind a proxy.
    app.router.redirect_slashes = False
    return app


def _behind_the_web(app: ASGIApp, routes: Sequence[BaseRoute], site: Site) -> ASGIApp:
    """Return `app` with all that stands between a client and its routes."""

    def is_served(path: str) -> bool:
        scope = {"type": "http", "path": path, "root_path": "", "method": "GET"}
        return any(route.matches(scope)[0] is not Match.NONE for route in routes)

    app = Entry(app, is_served, METHODS, site.hosts, site.root_path)
    if site.origins is not None:
        app = with_cors(app, site.origins)
    # Outermost, so that responses to unexpected exceptions have a log line and an id too.
    return RequestLogger(WebHeaders(app), site.proxies)


class PageFiles(StaticFiles):
    """The page's modules and styles, with the page's headers."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response with a file, or a 304."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(PAGE_HEADERS)
        # The same tag for a 304 and for a file, which may be compressed.
        response.headers["ETag"] = f"W/{response.headers['ETag']}"
        return response


async def page(_request: Request) -> Response:
    """Answer with the live page."""
    return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)


async def favicon(_request: Request) -> Response:
    """Answer with the page's icon, for browsers that look for it here."""
    return FileResponse(PAGE / "favicon.svg", headers=PAGE_HEADERS)


async def robots(_request: Request) -> Response:
    """Answer with the rules for crawlers."""
    return Response(ROBOTS, media_type="text/plain")
