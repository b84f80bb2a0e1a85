"""Build the api's ASGI application from its routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp

from api.access.authenticator import Authenticator
from api.access.gate import Gate
from api.access.permission import Denied
from api.delivery.stream_start import StreamStarter
from api.delivery.streams import Streams
from api.http import operations
from api.http.best_feeds import BestFeeds
from api.http.best_stream import BestStreamRoute
from api.http.books import Books
from api.http.cors import with_cors
from api.http.declared import TICKET, serve, serve_stream
from api.http.entry import Entry
from api.http.events import Events
from api.http.files import PAGE, PageFiles, favicon, javascript_module, page, robots
from api.http.hosts import HostCheck
from api.http.limit_layer import LimitLayer
from api.http.ops import Ops
from api.http.problems import Problem, on_failure, on_http_exception, on_problem
from api.http.proxies import TrustedProxies
from api.http.quotes import Quotes
from api.http.request_log import RequestLogger
from api.http.spec.docs import find_swagger_ui, spec_routes
from api.http.status import StatusRoute
from api.http.stream_route import StreamRoute
from api.http.ticket_route import TicketRoute
from api.http.web_headers import WebHeaders
from api.http.web_settings import CorsOrigins
from api.store.book_store import BookStore
from api.store.directory import Directory
from api.store.errors import ApiError
from api.store.history import EventHistory

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter

METHODS = "GET, HEAD, OPTIONS, POST"

_REPEATED = {name for each in operations.OPERATIONS for name in each.known} - {TICKET}
"""The parameters that a redirect may repeat."""


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
    history: EventHistory,
    starter: StreamStarter,
    streams: Streams,
    best: BestFeeds,
    max_age: float,
    site: Site | None = None,
    authenticator: Authenticator | None = None,
    limiter: Limiter | None = None,
) -> ASGIApp:
    """Return the application.

    Args:
        store: Reads books.
        directory: Finds symbols.
        history: Reads past events.
        starter: Starts streams.
        streams: The open streams.
        best: The feeds of best prices.
        max_age: Seconds without a confirmation after which a book is stale.
        site: How the api is reached from the web; by default without checks and options.
        authenticator: Decides about keys and tokens; None if the api needs none.
        limiter: Limits what each caller does; None for no limits.
    """
    site = site or Site()
    routes = make_routes(
        store,
        directory,
        history,
        starter,
        streams,
        best,
        max_age,
        authenticator=authenticator,
        has_ops=site.has_ops,
        limiter=limiter,
    )
    if site.has_ops:
        routes += ops_routes(store, streams)
    app = _router(routes)
    if limiter is not None:
        app = LimitLayer(app, limiter)
    if authenticator is not None:
        app = Gate(
            app, authenticator, on_problem, operations.PUBLIC_PATHS, operations.is_stream, limiter
        )
    return _behind_the_web(app, routes, site)


def make_ops_app(store: BookStore, streams: Streams, site: Site) -> ASGIApp:
    """Return the application of a port for operator endpoints alone."""
    routes = ops_routes(store, streams)
    return _behind_the_web(_router(routes), routes, site)


def ops_routes(store: BookStore, streams: Streams) -> list[BaseRoute]:
    """Return the routes of the operator endpoints."""
    ops = Ops(store, streams)
    return [
        serve(operations.HEALTH, ops.healthz),
        serve(operations.READINESS, ops.readyz),
        serve(operations.METRICS, ops.metrics),
    ]


def _router(routes: Sequence[BaseRoute]) -> ASGIApp:
    app = Starlette(
        routes=routes,
        exception_handlers={
            ApiError: on_problem,
            Denied: on_problem,
            Problem: on_problem,
            HTTPException: on_http_exception,
            Exception: on_failure,
        },
    )
    # `Entry` redirects, with addresses that are right behind a proxy.
    app.router.redirect_slashes = False
    return app


def make_routes(
    store: BookStore,
    directory: Directory,
    history: EventHistory,
    starter: StreamStarter,
    streams: Streams,
    best: BestFeeds,
    max_age: float,
    swagger_ui: Path | None = None,
    *,
    authenticator: Authenticator | None = None,
    limiter: Limiter | None = None,
    has_ops: bool = True,
) -> list[BaseRoute]:
    """Return all routes but those for operators; `operations` declares them.

    Args:
        store: Reads books.
        directory: Finds symbols.
        history: Reads past events.
        starter: Starts streams.
        streams: The open streams.
        best: The feeds of best prices.
        max_age: Seconds without a confirmation after which a book is stale.
        swagger_ui: The folder of Swagger UI; found by default, if it is installed.
        authenticator: Issues tickets; None if the api needs no keys.
        limiter: Limits the streams of each caller; None for no limits.
        has_ops: Whether the specification has the operator endpoints.
    """
    stream = StreamRoute(directory, starter, streams, limiter)
    books = Books(store, directory, max_age)
    status = StatusRoute(store, streams)
    quotes = Quotes(books, max_age)
    events = Events(directory, history)
    tickets = TicketRoute(authenticator.tickets if authenticator else None)
    return [
        # Routes are tried in order, so the busiest comes first.
        serve(operations.DEPTH, books.depth),
        serve(operations.PAGE, page),
        Mount("/page", PageFiles(directory=PAGE)),
        serve(operations.SYMBOL_LIST, books.symbols),
        serve(operations.BOOK_LIST, books.books),
        serve(operations.QUOTE, quotes.quote),
        # Before the route of a pair, which could have any path.
        serve_stream(operations.BEST_STREAM, BestStreamRoute(best, streams, limiter)),
        serve(operations.BEST, best.prices.best),
        serve(operations.EVENTS, events.events),
        serve_stream(operations.BOOKS_STREAM, stream),
        serve_stream(operations.BOOK_STREAM, stream),
        serve(operations.TICKET, tickets.issue),
        serve(operations.STATUS, status.status),
        serve(operations.JAVASCRIPT_MODULE, javascript_module),
        serve(operations.FAVICON, favicon),
        serve(operations.ROBOTS, robots),
        *spec_routes(
            swagger_ui or find_swagger_ui(),
            operations.OPERATIONS if has_ops else operations.OF_READERS,
        ),
    ]


def _behind_the_web(app: ASGIApp, routes: Sequence[BaseRoute], site: Site) -> ASGIApp:
    """Return `app` with all that stands between a client and its routes."""

    def is_served(path: str) -> bool:
        scope = {"type": "http", "path": path, "root_path": "", "method": "GET"}
        return any(route.matches(scope)[0] is not Match.NONE for route in routes)

    app = Entry(app, is_served, METHODS, site.hosts, site.root_path, _REPEATED)
    if site.origins is not None:
        app = with_cors(app, site.origins)
    # Outermost, so that responses to unexpected exceptions have a log line and an id too.
    return RequestLogger(WebHeaders(app), site.proxies)
