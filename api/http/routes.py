"""Build the api's ASGI application from its routes."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from api.delivery.stream_start import StreamStarter
from api.delivery.streams import Streams
from api.http import operations
from api.http.books import Books
from api.http.declared import serve, serve_stream
from api.http.files import PAGE, PageFiles, page
from api.http.ops import Ops
from api.http.problems import Problem, on_failure, on_http_exception, on_problem
from api.http.proxies import TrustedProxies
from api.http.quotes import Quotes
from api.http.request_log import RequestLogger
from api.http.spec.docs import find_swagger_ui, spec_routes
from api.http.stream_route import StreamRoute
from api.store.book_store import BookStore
from api.store.directory import Directory
from api.store.errors import ApiError


def make_app(
    store: BookStore,
    directory: Directory,
    starter: StreamStarter,
    streams: Streams,
    max_age: float,
    proxies: TrustedProxies | None = None,
) -> ASGIApp:
    """Return the application.

    Args:
        store: Reads books.
        directory: Finds symbols.
        starter: Starts streams.
        streams: The open streams.
        max_age: Seconds without a confirmation after which a book is stale.
        proxies: The proxies that are trusted to write `X-Forwarded-For`; none by default.
    """
    app = Starlette(
        routes=make_routes(store, directory, starter, streams, max_age),
        exception_handlers={
            ApiError: on_problem,
            Problem: on_problem,
            HTTPException: on_http_exception,
            Exception: on_failure,
        },
    )
    # A redirect would hide a wrong path from clients that do not follow redirects.
    app.router.redirect_slashes = False
    # Outermost, so that responses to unexpected exceptions have a log line and an id too.
    return RequestLogger(app, proxies)


def make_routes(
    store: BookStore,
    directory: Directory,
    starter: StreamStarter,
    streams: Streams,
    max_age: float,
    swagger_ui: Path | None = None,
) -> list[BaseRoute]:
    """Return all routes; `operations` declares them.

    Args:
        store: Reads books.
        directory: Finds symbols.
        starter: Starts streams.
        streams: The open streams.
        max_age: Seconds without a confirmation after which a book is stale.
        swagger_ui: The folder of Swagger UI; found by default, if it is installed.
    """
    stream = StreamRoute(directory, starter, streams)
    books = Books(store, directory, max_age)
    quotes = Quotes(books, max_age)
    ops = Ops(store, streams)
    return [
        # Routes are tried in order, so the busiest comes first.
        serve(operations.DEPTH, books.depth),
        serve(operations.PAGE, page),
        Mount("/page", PageFiles(directory=PAGE)),
        serve(operations.SYMBOL_LIST, books.symbols),
        serve(operations.BOOK_LIST, books.books),
        serve(operations.QUOTE, quotes.quote),
        serve_stream(operations.BOOKS_STREAM, stream),
        serve_stream(operations.BOOK_STREAM, stream),
        serve(operations.HEALTH, ops.healthz),
        serve(operations.READINESS, ops.readyz),
        serve(operations.METRICS, ops.metrics),
        *spec_routes(swagger_ui or find_swagger_ui()),
    ]
