"""One client: its socket, its session and the queue of its frames."""

from __future__ import annotations

import secrets

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedError

from runtime.logs import get_logger
from simulator.faults.active import ActiveFaults
from simulator.faults.delay_line import DelayLine
from simulator.faults.kinds import AnswerLate, Mute
from simulator.protocol.feed import SimulatedFeed
from simulator.protocol.requests import ReceivedRequests
from simulator.protocol.session import ServerSession
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
        feed: The source of books.
        active_faults: The faults of all connections.
        max_queued: The maximum of bytes to queue for the client.

    """

    def __init__(
        self,
        connection: SimulatedConnection,
        number: int,
        feed: SimulatedFeed,
        active_faults: ActiveFaults,
        *,
        max_queued: int,
    ) -> None:
        self.connection = connection
        connection.active_faults = active_faults
        self.send_queue = SendQueue(connection, active_faults, max_queued=max_queued)
        # Kraken's ids exceed 2^53, the limit of exact floats: clients must read integers.
        connection_id = 2**53 + secrets.randbelow(2**64 - 2**53)
        self.session = ServerSession(feed, self.send_queue, connection_id, active_faults)
        self._number = number
        self._active_faults = active_faults
        self._late: DelayLine[str | bytes] = DelayLine(self.session.receive)

    async def serve(self, request_log: ReceivedRequests) -> None:
        """Send the status, then answer and log requests until the connection ends."""
        log.debug("client connected", address=self.connection.remote_address, number=self._number)
        self.session.send_status()
        try:
            async for message in self.connection:
                request_log.append(self._number, message)
                self._receive(message)
        except ConnectionClosedError as error:
            log.debug("client lost", number=self._number, reason=str(error))
        finally:
            self._late.clear()
            self.session.close()
            self.send_queue.close()

    def _receive(self, message: str | bytes) -> None:
        late = self._active_faults.get(AnswerLate)
        if late or self._late:
            self._late.put(message, late.delay if late else 0.0)
        else:
            self.session.receive(message)
