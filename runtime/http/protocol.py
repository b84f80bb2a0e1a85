"""HTTP/1 of every port of ours: uvicorn's protocol with a bound on all that a client may do.

The parser gets one request head at a time, byte for byte no longer than allowed, and the next one
after the answer. `connections` has the deadlines.

Bodies of requests are not read: none of our routes takes one. The answer to a request with a body
is the last on its connection, so no byte of a body is ever taken for a request.
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

MAX_SHOWN = 200
_HEAD_END = b"\r\n\r\n"
_VERSIONS = ("1.0", "1.1")
_TLS_HANDSHAKE = b"\x16\x03"


class HttpProtocol(UvicornProtocol):
    """One connection.

    Attributes:
        phase: Where the connection is; `Connections.move` changes it.
        is_half_closed: Whether the client sends no more, and may still read.

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
        # The last bytes of an incomplete head, which may be the beginning of its end.
        self._head_tail = b""
        # What came after the request that is being answered.
        self._waiting = bytearray()
        self._is_last = False
        self._has_no_body = False
        self._unread = 0

    @property
    def is_streaming(self) -> bool:
        """Return whether an application looks after this connection by itself."""
        return False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, or refuse the connection."""
        super().connection_made(transport)
        # A client that does not read has no more waiting here than the rest of one write.
        transport.set_write_buffer_limits(high=0)
        if not self._registry.admit(self):
            transport.write(NO_ROOM)
            if self in self._registry:
                transport.write_eof()
            else:
                transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._registry.remove(self)
        self._waiting.clear()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection open while there is something to answer."""
        if self.phase is not Phase.ANSWER or self.transport.is_closing():
            return False
        self.is_half_closed = True
        self._registry.half_close(self)
        if not self._waiting:
            self.close_after_answer()
        return True

    def pause_writing(self) -> None:
        """Let the application wait."""
        super().pause_writing()
        self._registry.block(self)

    def resume_writing(self) -> None:
        """Let the application go on."""
        super().resume_writing()
        self._registry.unblock(self)

    def data_received(self, data: bytes) -> None:
        """Read a request; keep what follows it until its answer is sent, or drop it."""
        if self.phase is Phase.ENDING or self._is_last:
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
        """Refuse other versions of HTTP, and targets without a path."""
        if version not in _VERSIONS:
            raise ValueError(f"HTTP/{version} is not served")
        if not target.startswith(b"/") and parse_url(target).path is None:
            raise ValueError("the target has no path")

    def answer_begun(self) -> None:
        """Let what follows wait."""
        self._registry.move(self, Phase.ANSWER)

    def request_read(self) -> None:
        """Note that no body follows."""
        self._has_no_body = True

    def answer_sent(self) -> None:
        """Answer what was pipelined, or wait for the next request."""
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
            # What it reads slowly is not cut: unread answers have deadlines of their own.
            self._registry.move(self, Phase.ENDING)
        else:
            self.transport.abort()

    def end(self) -> None:
        """Send no more, and read what the client still sends for a short while.

        A socket that is closed with unread bytes is reset, and the client may lose the answer.
        """
        if self.is_half_closed:
            self.transport.close()
        elif not self.transport.is_closing() and self.phase is not Phase.ENDING:
            self._registry.move(self, Phase.ENDING)
            self.resume_reading()
            self.transport.write_eof()

    def _is_answering(self) -> bool:
        return self.phase is Phase.ANSWER

    def _read_head(self, data: bytes | bytearray) -> int:
        """Feed the parser no more than one head; return how many bytes are done with."""
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
        """Keep what came after a request until that is answered, if it can be a request."""
        if self._is_last:
            data = bytes(self._waiting) + data
            self._waiting.clear()
            self._drop(data)
            return
        self._waiting += data
        if self.is_half_closed and not self._waiting and self.phase is Phase.ANSWER:
            self.close_after_answer()

    def _end_of_head(self, data: bytes | bytearray, start: int) -> int:
        """Return where the head in `data` ends, which may have begun in an earlier packet."""
        if self._head_tail:
            across = (self._head_tail + data[start : start + 3]).find(_HEAD_END)
            if across >= 0:
                return start + across + len(_HEAD_END) - len(self._head_tail)
        end = data.find(_HEAD_END, start)
        return len(data) if end < 0 else end + len(_HEAD_END)

    def _feed(self, piece: bytes | bytearray) -> bool:
        """Return whether the parser understands `piece`; if not, the connection ends."""
        self._has_no_body = False
        self._head_bytes += len(piece)
        self._head_tail = (self._head_tail + bytes(piece[-3:]))[-3:]
        try:
            self.feed(piece)
        except HttpParserUpgrade:
            # Answered as if nothing else was offered; what follows may be of another protocol.
            self._has_no_body = False
        except HttpParserError as error:
            # httptools raises its own error, with an error of our callbacks as its context.
            why = str(error.__context__ or error)[:MAX_SHOWN]
            if self._head_bytes == len(piece) and piece.startswith(_TLS_HANDSHAKE):
                why = "TLS on a port for plain HTTP"
            self._refuse(MALFORMED, "malformed", why)
            return False
        if self.phase is Phase.ANSWER and not self._has_no_body:
            self._answer_last()
        return True

    def _answer_last(self) -> None:
        """Let the answer that begins be the last, and drop what follows its request."""
        self._is_last = True
        self.answer_without_body(close=self.end)

    def _drop(self, data: bytes) -> None:
        self._unread += len(data)
        if self._unread > self._limits.unread_bytes:
            if self.phase is Phase.ENDING:
                self.transport.abort()
            else:
                self.pause_reading()

    def _refuse(self, answer: bytes, reason: str, why: str) -> None:
        self._registry.refused(self, reason, why)
        if self.phase is Phase.ANSWER:
            # An answer has begun on what turned out to be no request.
            self.transport.abort()
            return
        self.transport.write(answer)
        self.end()
