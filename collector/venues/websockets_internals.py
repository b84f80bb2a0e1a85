"""All that this house uses of websockets beyond its documentation.

websockets documents `connect(create_connection=…)` with a subclass of `ClientConnection`, and the
methods that an application calls. `FeedSocket` also takes what comes from the system before the
library does: messages of one plain frame are cut out, all other bytes are passed on.

Names used:

- `ClientConnection.data_received`, `eof_received` and `connection_lost`, the callbacks of asyncio's
  protocols. Passed-on bytes may be cut anywhere between two frames; events of whole frames are
  processed before `data_received` returns.
- `ClientConnection.process_event`, which puts a data frame into the queue of `recv`, answers a
  control frame, and takes the answer to the handshake.
- `ClientConnection.transport` and `loop`.

Checked with websockets 15.0 to 17.4;
`tests/collector/venues/test_websockets_internals.py` is the guard, and
docs/adr/0003-own-websocket-framing.md has the reason. A frame of 205 bytes costs 0.4 us of CPU, and
4.6 by `recv` (python -m bench --only private_parts, 2026-11-27).
"""

from __future__ import annotations

from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event


class InterceptedConnection(ClientConnection):
    """A client's connection that hands bytes and frames to hooks first; `recv` returns nothing.

    A subclass overrides `bytes_received`, `data_frame_received`, `control_frame_received`,
    `before_eof` and `ended`.
    """

    @property
    def is_closing(self) -> bool:
        """Return whether the transport is closing, or closed."""
        return self.transport.is_closing()

    def pass_on(self, data: bytes) -> None:
        """Let websockets process `data`, which begins with the handshake's answer or a frame."""
        super().data_received(data)

    def pause_reading(self) -> None:
        """Read no more from the system."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self.transport.resume_reading()

    def abort(self) -> None:
        """Close the connection at once, without a closing handshake."""
        self.transport.abort()

    def call_next_turn(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the next turn of the event loop."""
        self.loop.call_soon(callback)

    def bytes_received(self, data: bytes) -> None:
        """Process bytes that have come from the system."""
        self.pass_on(data)

    def data_frame_received(self, data: bytes, *, is_last: bool) -> None:
        """Process a frame of a message that was passed on.

        Args:
            data: Its payload.
            is_last: Whether it ends the message.
        """

    def control_frame_received(self) -> None:
        """Note that websockets has processed a ping, a pong or a close."""

    def before_eof(self) -> None:
        """Process what is left before the end of the bytes is."""

    def ended(self) -> None:
        """Note that the connection is closed."""

    def data_received(self, data: bytes) -> None:
        """See `bytes_received`."""
        self.bytes_received(data)

    def eof_received(self) -> None:
        """See `before_eof`."""
        self.before_eof()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `ended`."""
        super().connection_lost(exc)
        self.ended()

    def process_event(self, event: Event) -> None:
        """See `data_frame_received` and `control_frame_received`."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self.data_frame_received(bytes(event.data), is_last=event.fin)
            return
        super().process_event(event)
        if isinstance(event, Frame):
            self.control_frame_received()
