"""Every use of the library websockets beyond its documentation.

websockets documents `connect(create_connection=…)` with a subclass of `ClientConnection`, and the
methods that an application calls. `FeedSocket` also receives bytes before the library does: it
extracts messages of one plain frame, and passes on all other bytes.

These names are used:

- `ClientConnection.data_received`, `eof_received` and `connection_lost`, the callbacks of asyncio's
  protocols. Bytes may be passed on in pieces that end between two frames. Events of whole frames
  are processed before `data_received` returns.
- `ClientConnection.process_event`, which puts a data frame into the queue of `recv`, answers a
  control frame, and handles the answer to the handshake.
- `ClientConnection.transport` and `loop`.

They were checked with websockets 15.0 to 17.4, and
`tests/collector/venues/test_websockets_internals.py` guards them.
docs/adr/0003-own-websocket-framing.md has the reason: a frame of 205 bytes costs 0.4 us of CPU,
against 4.6 us with `recv` (bench --only private_parts, 2026-11-27).
"""

from __future__ import annotations

from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event


class InterceptedConnection(ClientConnection):
    """A client's connection that calls hooks with bytes and frames; `recv` returns nothing.

    A subclass overrides `bytes_received`, `data_frame_received`, `control_frame_received`,
    `before_eof` and `ended`.
    """

    @property
    def is_closing(self) -> bool:
        """Whether the transport is closing or closed."""
        return self.transport.is_closing()

    def pass_on(self, data: bytes) -> None:
        """Pass `data` to websockets; it begins with the handshake's answer or a frame."""
        super().data_received(data)

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again."""
        self.transport.resume_reading()

    def abort(self) -> None:
        """Close the connection at once, without a closing handshake."""
        self.transport.abort()

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the next iteration of the event loop."""
        self.loop.call_soon(callback)

    def bytes_received(self, data: bytes) -> None:
        """Process bytes from the socket."""
        self.pass_on(data)

    def data_frame_received(self, data: bytes, *, is_last: bool) -> None:
        """Process a data frame from bytes that were passed on.

        Args:
            data: The payload of the frame.
            is_last: Whether the frame ends its message.
        """

    def control_frame_received(self) -> None:
        """Handle a ping, a pong or a close that websockets has processed."""

    def before_eof(self) -> None:
        """Process bytes that are left, before websockets processes the end of the stream."""

    def ended(self) -> None:
        """Handle the end of the connection."""

    def data_received(self, data: bytes) -> None:
        """Call `bytes_received`."""
        self.bytes_received(data)

    def eof_received(self) -> None:
        """Call `before_eof` first."""
        self.before_eof()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Call `ended` afterwards."""
        super().connection_lost(exc)
        self.ended()

    def process_event(self, event: Event) -> None:
        """Call `data_frame_received` or `control_frame_received` for frames."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self.data_frame_received(bytes(event.data), is_last=event.fin)
            return
        super().process_event(event)
        if isinstance(event, Frame):
            self.control_frame_received()
