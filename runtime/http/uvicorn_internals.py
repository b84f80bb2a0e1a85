"""The only module that uses undocumented parts of uvicorn.

uvicorn documents only `Config(http=…)`, `Server.serve` and `Server.should_exit`. Its
`HttpToolsProtocol` has no limits: it reads heads of any size without a deadline, parses all
pipelined requests, stops its keep-alive timer at any byte, treats a half-closed connection as
closed, and sends chunks to HTTP/1.0. Therefore `HttpProtocol` overrides its methods, and streams
write to its transport (`api/delivery/stream_socket.py`).

Names used:

- `HttpToolsProtocol`: `parser`, `flow.pause_reading`, `flow.resume_reading`, `transport`, `client`,
  `url`, `scope`, `app`, `cycle`; the parser's callbacks `on_message_begin`, `on_headers_complete`,
  `on_message_complete`; and `on_response_complete`, which a cycle calls.
- `RequestResponseCycle`: `keep_alive`, `waiting_for_100_continue`, `more_body`, `message_event`,
  `transport`, `chunked_encoding`, `expected_content_length`.
- `Config.loaded_app`, a float as `timeout_graceful_shutdown`, and `Server.capture_signals`.

Checked with uvicorn 0.53 to 0.54 (0.52 fails). `tests/runtime/http/test_uvicorn_internals.py`
guards these names, and docs/adr/0005-own-uvicorn-protocol.md gives the reason.
docs/reliability.md lists the limits. An event for one reader costs 6.2 us of CPU through the
transport, against 13.1 us through ASGI's `send` (python -m bench --only private_parts,
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
    """uvicorn's server without signal handling."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do not capture signals; the service handles them."""
        yield


class UvicornProtocol(HttpToolsProtocol):
    """One connection, with a public interface for subclasses.

    A subclass overrides `check_head`, `answer_begun`, `request_read` and `answer_sent`, and the
    methods of asyncio's protocols.

    Attributes:
        transport: The transport of the connection.
        extensions: The `extensions` of each request's ASGI scope; do not mutate the class's dict.
    """

    extensions: dict[str, Any] = {}  # noqa: RUF012 - an instance sets its own

    @property
    def host(self) -> str:
        """Return the client's address; empty if it is unknown."""
        return self.client[0] if self.client else ""

    def feed(self, data: bytes | bytearray) -> None:
        """Parse `data`.

        httptools raises HttpParserError if it is not HTTP/1 or if a callback raised an error, which
        is then its context. It raises HttpParserUpgrade if a request offers another protocol.
        """
        self.parser.feed_data(data)

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        self.flow.pause_reading()

    def resume_reading(self) -> None:
        """Continue reading from the socket."""
        self.flow.resume_reading()

    def close_after_answer(self) -> None:
        """Close the connection after the answer that has begun."""
        self.cycle.keep_alive = False

    def answer_without_body(self, close: Callable[[], None]) -> None:
        """Pass an empty body to the application, and make its answer the connection's last.

        Args:
            close: Called after the answer instead of closing the transport.
        """
        self.cycle.keep_alive = False
        self.cycle.waiting_for_100_continue = False
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self.cycle.transport = cast("asyncio.Transport", _LastAnswer(self.transport, close))

    def check_head(self, version: str, target: bytes) -> None:
        """Raise ValueError if a request with this head must be refused."""

    def answer_begun(self) -> None:
        """Handle that the application has been called."""

    def request_read(self) -> None:
        """Handle that the whole request has been read."""

    def answer_sent(self) -> None:
        """Handle that the answer has been sent: parse the next request."""

    def on_message_begin(self) -> None:
        """Add the extensions to the scope of a request."""
        super().on_message_begin()
        self.scope["extensions"] = self.extensions

    def on_headers_complete(self) -> None:
        """Call `check_head`, the application and `answer_begun`."""
        version = self.parser.get_http_version()
        self.check_head(version, self.url)
        if version == "1.0":
            app = _UntilClose(cast("ASGIApp", self.config.loaded_app), lambda: self.cycle)
            self.app = cast("Any", app)
        super().on_headers_complete()
        self.answer_begun()

    def on_message_complete(self) -> None:
        """Call `request_read`."""
        super().on_message_complete()
        self.request_read()

    def on_response_complete(self) -> None:
        """Call `answer_sent`, which replaces uvicorn's pipelining and keep-alive timer."""
        if not self.transport.is_closing():
            self.answer_sent()


class _LastAnswer:
    """The transport of a connection's last answer, with another `close`."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


class _UntilClose:
    """An application for HTTP/1.0: an answer without a length ends when the connection closes."""

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
                    # uvicorn would send chunks, which HTTP/1.0 does not know.
                    cycle.chunked_encoding = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, send_plainly)


def set_shutdown_timeout(config: uvicorn.Config, seconds: float) -> None:
    """Set how long the server waits for answers at its end; uvicorn's type is int."""
    config.timeout_graceful_shutdown = cast("Any", seconds)
