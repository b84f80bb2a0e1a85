"""All that this house uses of uvicorn beyond its documentation.

uvicorn documents `Config(http=…)`, `Server.serve` and `Server.should_exit`, and that is all. Its
`HttpToolsProtocol` has no bounds: it reads heads of any size for as long as they take, parses all
that is pipelined, drops its keep-alive timer on any byte, takes a half-closed connection for a
closed one, and sends chunks to HTTP/1.0. So `HttpProtocol` overrides its methods, and a stream
writes to its transport (`api/delivery/stream_socket.py`).

Names used:

- `HttpToolsProtocol`: `parser`, `flow.pause_reading`, `flow.resume_reading`, `transport`, `client`,
  `url`, `scope`, `app`, `cycle`; the parser's callbacks `on_message_begin`, `on_headers_complete`,
  `on_message_complete`; and `on_response_complete`, which a cycle calls.
- `RequestResponseCycle`: `keep_alive`, `waiting_for_100_continue`, `more_body`, `message_event`,
  `transport`, `chunked_encoding`, `expected_content_length`.
- `Config.loaded_app`, a float as `timeout_graceful_shutdown`, and `Server.capture_signals`.

Checked with uvicorn 0.53 to 0.54 (0.52 fails); the guard is
`tests/runtime/http/test_uvicorn_internals.py`, the reason in docs/adr/0005-own-uvicorn-protocol.md.
The bounds are a promise (docs/reliability.md) and need no figure. An event for one reader costs
6.2 us of CPU by the transport, and 13.1 by ASGI's `send` (python -m bench --only private_parts,
2026-11-27).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class UvicornServer(uvicorn.Server):
    """uvicorn's server without its handling of signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the service."""
        yield


class UvicornProtocol(HttpToolsProtocol):
    """One connection, with public names for what a subclass needs.

    A subclass overrides `check_head`, `answer_begun`, `request_read` and `answer_sent`, and the
    methods of asyncio's protocols.

    Attributes:
        transport: The transport of the connection.
        extensions: What each request has as `extensions` in its ASGI scope; not to be changed.
    """

    extensions: dict[str, Any] = {}  # noqa: RUF012 - an instance sets its own

    @property
    def host(self) -> str:
        """Return the address of the other end."""
        return self.client[0] if self.client else ""

    def feed(self, data: bytes | bytearray) -> None:
        """Let the parser read `data`.

        Raises:
            httptools.HttpParserError: It is no HTTP/1; an error of a callback is its context.
            httptools.HttpParserUpgrade: A request offers another protocol.
        """
        self.parser.feed_data(data)

    def pause_reading(self) -> None:
        """Read no more from the system."""
        self.flow.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self.flow.resume_reading()

    def close_after_answer(self) -> None:
        """Close the connection after the answer that has begun."""
        self.cycle.keep_alive = False

    def answer_without_body(self, close: Callable[[], None]) -> None:
        """Give the application an empty body, whatever is sent, and make this answer the last.

        Args:
            close: Is called after the answer in place of closing the transport.
        """
        self.cycle.keep_alive = False
        self.cycle.waiting_for_100_continue = False
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self.cycle.transport = cast("asyncio.Transport", _LastAnswer(self.transport, close))

    def check_head(self, version: str, target: bytes) -> None:
        """Raise ValueError if a request with this head is not to be answered."""

    def answer_begun(self) -> None:
        """Note that the application has been called."""

    def request_read(self) -> None:
        """Note that the request is read to its end."""

    def answer_sent(self) -> None:
        """Read what comes after a request that is answered; uvicorn does nothing of it."""

    def on_message_begin(self) -> None:
        """Add the extensions to the scope of a request."""
        super().on_message_begin()
        self.scope["extensions"] = self.extensions

    def on_headers_complete(self) -> None:
        """See `check_head` and `answer_begun`."""
        version = self.parser.get_http_version()
        self.check_head(version, self.url)
        if version == "1.0":
            app = _UntilClose(cast("ASGIApp", self.config.loaded_app), lambda: self.cycle)
            self.app = cast("Any", app)
        super().on_headers_complete()
        self.answer_begun()

    def on_message_complete(self) -> None:
        """See `request_read`."""
        super().on_message_complete()
        self.request_read()

    def on_response_complete(self) -> None:
        """See `answer_sent`, which replaces uvicorn's pipelining and keep-alive timer."""
        if not self.transport.is_closing():
            self.answer_sent()


class _LastAnswer:
    """Transport of a last answer, which closes in its own way."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


class _UntilClose:
    """An application for HTTP/1.0: without chunks, what has no length ends with the close."""

    def __init__(self, app: ASGIApp, cycle: Callable[[], RequestResponseCycle]) -> None:
        self._app = app
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = self._cycle()
        has_length = False

        async def send_plainly(message: Message) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                headers = [h for h in message.get("headers", ()) if h[0] != b"transfer-encoding"]
                has_length = any(name == b"content-length" for name, _ in headers)
                message = {**message, "headers": headers}
                if not has_length:
                    # Neither `content-length` nor, as uvicorn would have it, chunks.
                    cycle.chunked_encoding = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, send_plainly)


def set_shutdown_timeout(config: uvicorn.Config, seconds: float) -> None:
    """Let the server wait so long for answers at its end; the type says whole seconds."""
    config.timeout_graceful_shutdown = cast("Any", seconds)
