"""The HTTP/1 protocol of every port: uvicorn's, with limits on everything that a client sends.

The parser gets one request head at a time, up to the allowed size, and the next one after the
answer. The deadlines are in `connections`.

Request bodies are not read, because no route accepts one. The answer to a request with a body is
the last on its connection, so that the body is never parsed as a request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, parse_url
from uvicorn.config import Config
from uvicorn.server import ServerState

from runtime.http.connections import Connections, Phase
from runtime.http.plain_answers import MALFORMED, NO_ROOM, TOO_LONG, TOO_SLOW
from runtime.http.uvicorn_internals import UvicornProtocol

MAX_ERROR_LENGTH = 200
_HEAD_END = b"\r\n\r\n"
_VERSIONS = ("1.0", "1.1")
_TLS_HANDSHAKE = b"\x16\x03"


class HttpProtocol(UvicornProtocol):
    """One connection.

    Args:
        config: uvicorn's configuration.
        server_state: uvicorn's state of the server.
        app_state: The state of the lifespan protocol, which is off.
        connections: The registry of the server's connections.

    Attributes:
        phase: The state of the connection, which `Connections.move` changes.
        is_half_closed: Whether the client has closed its direction; it may still read.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.phase = Phase.HEAD
        self.is_half_closed = False
        self._registry = connections
        self._limits = connections.limits
        self._head_bytes = 0
        # The last three bytes of an incomplete head: its end may be split between packets.
        self._head_tail = b""
        # The bytes after the request that is being answered.
        self._waiting = bytearray()
        # Whether the answer that has begun is the connection's last.
        self._is_last_answer = False
        self._has_no_body = False
        self._dropped_bytes = 0

    @property
    def is_streaming(self) -> bool:
        """Return whether a stream with its own time limits writes to the transport.

        Subclasses that permit streams override this.
        """
        return False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register the connection, or refuse it if there is no room."""
        super().connection_made(transport)
        # The application pauses if a write does not fit into the socket's buffer. So at most the
        # rest of that write is kept for a client that does not read.
        transport.set_write_buffer_limits(high=0)
        if not self._registry.admit(self):
            transport.write(NO_ROOM)
            # If there is room to wait, the client can read the refusal; see `Connections.admit`.
            if self in self._registry:
                transport.write_eof()
            else:
                transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the registry."""
        self._registry.remove(self)
        self._waiting.clear()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection open until all requests are answered.

        Returns:
            Whether the transport stays open.
        """
        if self.phase is not Phase.ANSWER or self.transport.is_closing():
            return False
        self.is_half_closed = True
        self._registry.half_close(self)
        if not self._waiting:
            self.close_after_answer()
        return True

    def pause_writing(self) -> None:
        """Pause the application because the send buffer is full."""
        super().pause_writing()
        self._registry.block(self)

    def resume_writing(self) -> None:
        """Resume the application."""
        super().resume_writing()
        self._registry.unblock(self)

    def data_received(self, data: bytes) -> None:
        """Parse a request head; keep the bytes after it until it is answered, or drop them."""
        if self.phase is Phase.ENDING or self._is_last_answer:
            self._drop(data)
        elif self.phase is Phase.ANSWER:
            self._waiting += data
            if len(self._waiting) > self._limits.unread_bytes:
                self.pause_reading()
        else:
            if self.phase is Phase.IDLE:
                self._registry.move(self, Phase.HEAD)
            done = self._read_head(data)
            if done < len(data):
                self._keep_waiting(data[done:])

    def check_head(self, version: str, target: bytes) -> None:
        """Refuse other versions of HTTP, and targets without a path.

        Raises:
            ValueError: The request must be refused; the message is logged.
        """
        if version not in _VERSIONS:
            raise ValueError(f"HTTP/{version} is not served")
        if not target.startswith(b"/") and parse_url(target).path is None:
            raise ValueError("the target has no path")

    def answer_begun(self) -> None:
        """Stop parsing until the answer is sent."""
        self._registry.move(self, Phase.ANSWER)

    def request_read(self) -> None:
        """Note that the request has no body, because it ended with its head."""
        self._has_no_body = True

    def answer_sent(self) -> None:
        """Parse a pipelined request, or wait for the next one."""
        if not self._is_answering():
            return
        self._head_bytes, self._head_tail = 0, b""
        if not self._waiting:
            self._registry.move(self, Phase.IDLE)
        else:
            self._registry.move(self, Phase.HEAD)
            del self._waiting[: self._read_head(self._waiting)]
            self._keep_waiting(b"")
        if self.is_half_closed and not self._is_answering():
            self.transport.close()
        elif len(self._waiting) <= self._limits.unread_bytes and not self.is_half_closed:
            self.resume_reading()

    def expire(self) -> None:
        """End a phase that has lasted too long."""
        if self.phase is Phase.HEAD and self._head_bytes and not self.transport.is_closing():
            self._refuse(TOO_SLOW, "timeout", "the head of the request took too long")
        elif self.phase is Phase.IDLE:
            self._registry.move(self, Phase.ENDING)
            self.transport.close()
        elif self.phase is Phase.ENDING and self.transport.get_write_buffer_size():
            # Start the phase's time again: bytes remain, and `UnreadAnswers` has their deadline.
            self._registry.move(self, Phase.ENDING)
        else:
            self.transport.abort()

    def end(self) -> None:
        """Send no more, but read and drop bytes from the client for a short time.

        If a socket is closed with unread bytes, the system resets the connection, and the client
        may lose the answer.
        """
        if self.is_half_closed:
            self.transport.close()
        elif not self.transport.is_closing() and self.phase is not Phase.ENDING:
            self._registry.move(self, Phase.ENDING)
            self.resume_reading()
            self.transport.write_eof()

    def _is_answering(self) -> bool:
        # A method, because mypy assumes that an attribute stays the same across other calls.
        return self.phase is Phase.ANSWER

    def _read_head(self, data: bytes | bytearray) -> int:
        """Feed the parser at most one head; return how many bytes were parsed or refused."""
        start = 0
        while start < len(data) and self.phase is Phase.HEAD:
            end = self._end_of_head(data, start)
            room = self._limits.head_bytes - self._head_bytes
            if not self._feed(data[start : min(end, start + room)]):
                return len(data)
            if end - start > room:
                self._refuse(TOO_LONG, "head", f"a head of more than {self._limits.head_bytes} B")
                return len(data)
            start = end
        return start

    def _keep_waiting(self, data: bytes) -> None:
        """Keep the bytes after a request until it is answered; drop them if it is the last."""
        if self._is_last_answer:
            data = bytes(self._waiting) + data
            self._waiting.clear()
            self._drop(data)
            return
        self._waiting += data
        if self.is_half_closed and not self._waiting and self.phase is Phase.ANSWER:
            self.close_after_answer()

    def _end_of_head(self, data: bytes | bytearray, start: int) -> int:
        """Return the end of the head in `data`; it may have begun in an earlier packet."""
        if self._head_tail:
            across = (self._head_tail + data[start : start + 3]).find(_HEAD_END)
            if across >= 0:
                return start + across + len(_HEAD_END) - len(self._head_tail)
        end = data.find(_HEAD_END, start)
        return len(data) if end < 0 else end + len(_HEAD_END)

    def _feed(self, piece: bytes | bytearray) -> bool:
        """Parse `piece`; return False if it is invalid, after ending the connection."""
        self._has_no_body = False
        self._head_bytes += len(piece)
        self._head_tail = (self._head_tail + bytes(piece[-3:]))[-3:]
        try:
            self.feed(piece)
        except HttpParserUpgrade:
            # The request is answered as usual, but the next bytes may be of another protocol. They
            # must not be parsed, as after a request with a body.
            self._has_no_body = False
        except HttpParserError as error:
            # httptools raises its own error, with an error of our callbacks as its context.
            why = str(error.__context__ or error)[:MAX_ERROR_LENGTH]
            if self._head_bytes == len(piece) and piece.startswith(_TLS_HANDSHAKE):
                why = "TLS on a port for plain HTTP"
            self._refuse(MALFORMED, "malformed", why)
            return False
        if self.phase is Phase.ANSWER and not self._has_no_body:
            self._answer_last()
        return True

    def _answer_last(self) -> None:
        """Make the answer that has begun the last, and drop all further bytes."""
        self._is_last_answer = True
        self.answer_without_body(close=self.end)

    def _drop(self, data: bytes) -> None:
        self._dropped_bytes += len(data)
        if self._dropped_bytes > self._limits.unread_bytes:
            if self.phase is Phase.ENDING:
                self.transport.abort()
            else:
                self.pause_reading()

    def _refuse(self, answer: bytes, reason: str, why: str) -> None:
        self._registry.count_refusal(self, reason, why)
        if self.phase is Phase.ANSWER:
            # The request turned out to be invalid after the answer had begun.
            self.transport.abort()
            return
        self.transport.write(answer)
        self.end()
