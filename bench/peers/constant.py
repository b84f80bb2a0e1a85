"""A server with a constant response: the server stack of the api with nothing behind it.

    python -m bench.peers.constant 3001 answer.json

`answer.json` has `body` and `headers`. A request with `If-None-Match` gets a 304 without the body.
Below `/bare/` only uvicorn is used; other paths pass the api's routing and request log too.
"""

from __future__ import annotations

import json
from pathlib import Path

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.delivery.stream_socket import SocketProtocol
from api.http.request_log import RequestLogger
from runtime.command_line import STOPPED_OR_FAILED, OneLineParser
from runtime.http.server import listen, serve
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs
from runtime.service import stop_on_signals


class Constant:
    """The ASGI application, with and without the api's routing and request log."""

    def __init__(self, body: str, headers: dict[str, str]) -> None:
        self._body = body.encode()
        self._of_200 = headers
        self._of_304 = {n: v for n, v in headers.items() if not n.startswith("content-")}
        self._app = RequestLogger(Starlette(routes=[Route("/{path:path}", self._route)]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        if not scope["path"].startswith("/bare/"):
            await self._app(scope, receive, send)
            return
        known = any(name == b"if-none-match" for name, _ in scope["headers"])
        await self._answer(known=known)(scope, receive, send)

    async def _route(self, request: Request) -> Response:
        return self._answer(known="If-None-Match" in request.headers)

    def _answer(self, *, known: bool) -> Response:
        if known:
            return Response(None, 304, self._of_304)
        return Response(self._body, 200, self._of_200)


async def run(port: int, app: Constant) -> None:
    """Serve until SIGTERM."""
    configure_logs(parse_levels("info"))
    going = stop_on_signals()
    await serve(app, listen("127.0.0.1", port, "port"), going, protocol=SocketProtocol)


def main() -> None:
    """Serve the response that the command line names."""
    parser = OneLineParser(
        "python -m bench.peers.constant",
        "Serves a constant response, for the suites that start it.",
        STOPPED_OR_FAILED,
    )
    parser.add_argument("port", type=int, help="the port on 127.0.0.1")
    parser.add_argument("answer", type=Path, metavar="FILE", help="JSON with body and headers")
    given = parser.parse_args()
    uvloop.run(run(given.port, Constant(**json.loads(given.answer.read_text()))))


if __name__ == "__main__":
    main()
