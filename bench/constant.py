"""A server that answers always the same: the server stack of the api with nothing behind it.

    python -m bench.constant 3001 answer.json

`answer.json` has `body` and `headers`. A request with an `If-None-Match` gets a 304 without the
body.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from starlette.types import Receive, Scope, Send

from api.socket import SocketProtocol
from service.http_server import listen, serve
from service.stop import stop_on_signals


class Constant:
    """The ASGI application."""

    def __init__(self, body: str, headers: list[tuple[str, str]]) -> None:
        self._body = body.encode()
        self._headers = [(name.encode(), value.encode()) for name, value in headers]
        self._headers_of_304 = [
            each for each in self._headers if not each[0].startswith(b"content-")
        ]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        known = any(name == b"if-none-match" for name, _ in scope["headers"])
        status, headers = (304, self._headers_of_304) if known else (200, self._headers)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if known else self._body})


async def run(port: int, answer: Path) -> None:
    """Serve until SIGTERM."""
    going = stop_on_signals()
    app = Constant(**json.loads(answer.read_text()))
    await serve(app, listen("127.0.0.1", port, "port"), going, protocol=SocketProtocol)


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), Path(sys.argv[2])))
