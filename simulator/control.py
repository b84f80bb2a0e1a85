"""The control port: an HTTP interface to apply faults and to read books and connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime.http.server import listen, serve
from simulator.faults.kinds import FaultError
from simulator.faults.text import UnknownFault, describe, parse_fault
from simulator.injector import FaultInjector, PresentFault
from simulator.server import Simulator

_ROUTES = (
    "POST /faults/{name}, GET /faults, DELETE /faults, GET /books, GET /books/{symbol},"
    " GET /connections"
)


@asynccontextmanager
async def controlled(
    simulator: Simulator, injector: FaultInjector, host: str, port: int
) -> AsyncIterator[str]:
    """Serve the control port until the context ends; `runtime.listening.PortInUse` if it is taken.

    Yields:
        The URL of the control port.

    """
    listener = listen(host, port, "--control")
    address = f"[{host}]" if ":" in host else host
    url = f"http://{address}:{listener.getsockname()[1]}"
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(control_app(simulator, injector), listener, stop))
    try:
        yield url
    finally:
        stop.set()
        await serving


def control_app(simulator: Simulator, injector: FaultInjector) -> Starlette:
    """Return the application of the control port."""
    control = _Control(simulator, injector)
    return Starlette(
        routes=[
            Route("/faults/{name}", control.inject, methods=["POST"]),
            Route("/faults", control.lift, methods=["DELETE"]),
            Route("/faults", control.faults),
            Route("/books/{symbol:path}", control.book),
            Route("/books", control.books),
            Route("/book", control.book),
            Route("/connections", control.connections),
        ],
        exception_handlers={
            UnknownFault: _answer_unknown_fault,
            FaultError: _answer_bad_fault,
            HTTPException: _answer_refused,
        },
    )


class _Control:
    def __init__(self, simulator: Simulator, injector: FaultInjector) -> None:
        self._simulator = simulator
        self._injector = injector

    async def inject(self, request: Request) -> Response:
        fault = parse_fault(request.path_params["name"], request.url.query)
        self._injector.inject(fault)
        return _json(fault)

    async def faults(self, request: Request) -> Response:  # noqa: ARG002
        return _json(
            {
                "faults": describe(self._injector.protocol.faults),
                "on": _present(self._injector.present()),
            }
        )

    async def lift(self, request: Request) -> Response:  # noqa: ARG002
        return _json({"lifted": _present(self._injector.lift())})

    async def books(self, request: Request) -> Response:  # noqa: ARG002
        protocol = self._injector.protocol
        listings = protocol.exchange.listings()
        return _json({listing.instrument.symbol: protocol.summary(listing) for listing in listings})

    async def book(self, request: Request) -> Response:
        protocol = self._injector.protocol
        symbol = request.path_params.get("symbol") or request.query_params.get("symbol", "")
        try:
            listing = protocol.exchange.listing(protocol.symbol_of(symbol))
        except KeyError:
            raise HTTPException(
                404, f"there is no book of {symbol!r}: GET /books lists all books"
            ) from None
        depth = self._depth(request.query_params.get("depth", "10"))
        return _json(protocol.book(listing, depth))

    def _depth(self, text: str) -> int:
        depths = self._injector.protocol.depths()
        if depths is None and text.isdecimal() and int(text) > 0:
            return int(text)
        if depths is None:
            raise HTTPException(400, f"depth={text}: it takes a number of levels, 1 or more")
        if text not in depths:
            raise HTTPException(400, f"depth={text}: it takes one of {', '.join(depths)}")
        return depths[text]

    async def connections(self, request: Request) -> Response:  # noqa: ARG002
        simulator = self._simulator
        return _json(
            {
                "open": simulator.open_connections,
                "accepted": simulator.accepted,
                "requests": list(simulator.request_log.entries),
                "rest": list(simulator.request_log.rest),
            }
        )


def _present(present: Iterable[PresentFault]) -> list[dict[str, Any]]:
    return [{**msgspec.to_builtins(item.fault), "left": item.left} for item in present]


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _answer_bad_fault(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return _json({"error": str(error)}, 400)


def _answer_unknown_fault(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return _json({"error": str(error)}, 404)


def _answer_refused(request: Request, error: Exception) -> Response:
    """Return the detail of the error; for an unknown route, the list of routes."""
    assert isinstance(error, HTTPException)
    text = error.detail
    if error.status_code in {404, 405} and text == HTTPStatus(error.status_code).phrase:
        text = f"there is no {request.method} {request.url.path}: use one of {_ROUTES}"
    return _json({"error": text}, error.status_code)
