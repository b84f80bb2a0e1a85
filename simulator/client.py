"""One client: its socket, its session and the queue of its frames."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode

from runtime.logs import get_logger
from simulator.faults.active import ActiveFaults
from simulator.faults.delay_line import DelayLine
from simulator.faults.kinds import AnswerLate, Mute
from simulator.protocols.request_log import ReceivedRequests
from simulator.protocols.venue import SimulatedVenue
from simulator.send_queue import SendQueue

log = get_logger(__name__)


class SimulatedConnection(ServerConnection):
    """A connection that sends no pongs and close frames during a mute."""

    active_faults: ActiveFaults | None = None
    """The faults of all connections; set after the handshake."""

    def send_data(self) -> None:
        """Write pongs and close frames, or drop them during a mute."""
        if self.active_faults is not None and self.active_faults.get(Mute):
            self.protocol.data_to_send()
        else:
            super().send_data()


class SimulatorClient:
    """A connection from its handshake to its end.

    Args:
        connection: Its socket.
        number: Its number since the start, from 1.
        protocol: The venue.
        max_queued: The maximum of bytes to queue for the client.

    """

    def __init__(
        self,
        connection: SimulatedConnection,
        number: int,
        protocol: SimulatedVenue,
        *,
        max_queued: int,
    ) -> None:
        self.connection = connection
        connection.active_faults = protocol.active_faults
        self.send_queue = SendQueue(connection, protocol.active_faults, max_queued=max_queued)
        path = connection.request.path if connection.request else protocol.path
        self.session = protocol.open_session(self.send_queue, number, path)
        self._number = number
        self._protocol = protocol
        self._idle_timer: asyncio.TimerHandle | None = None
        self._late: DelayLine[str | bytes] = DelayLine(self.session.receive)

    async def serve(self, request_log: ReceivedRequests) -> None:
        """Send the first frames, then answer and log requests until the connection ends."""
        log.debug("client connected", address=self.connection.remote_address, number=self._number)
        self.session.open()
        self._end_later_if_idle()
        try:
            async for message in self.connection:
                request_log.append(self._number, self._protocol.summarize(message))
                self._receive(message)
        except ConnectionClosedError as error:
            log.debug("client lost", number=self._number, reason=str(error))
        finally:
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            self._late.clear()
            self.session.close()
            self.send_queue.close()

    def _receive(self, message: str | bytes) -> None:
        late = self._protocol.active_faults.get(AnswerLate)
        if late or self._late:
            self._late.put(message, late.delay if late else 0.0)
        else:
            self.session.receive(message)

    def _end_later_if_idle(self) -> None:
        seconds = self._protocol.first_subscription_seconds
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(seconds, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.session.is_idle:
            self.send_queue.end(CloseCode.POLICY_VIOLATION, "no subscription")
