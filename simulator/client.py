"""One client: its socket, what it asks for and what goes out to it."""

from __future__ import annotations

import secrets

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedError

from runtime.logs import get_logger
from simulator.conditions import Conditions
from simulator.delay_line import DelayLine
from simulator.faults import AnswerLate, Mute
from simulator.feed import Feed
from simulator.journal import Journal
from simulator.outbox import Outbox
from simulator.session import Session

log = get_logger(__name__)


class Connection(ServerConnection):
    """A socket on which, under a mute, the protocol's own frames are lost like all others."""

    conditions: Conditions | None = None
    """What is wrong on all connections; set once the handshake is done."""

    def send_data(self) -> None:
        """Write what the protocol wants to send: answers to pings and close frames."""
        if self.conditions is not None and self.conditions.get(Mute):
            self.protocol.data_to_send()
        else:
            super().send_data()


class Client:
    """A connection from its handshake to its end.

    Args:
        connection: Its socket.
        number: Which connection since the start it is, from 1.
        feed: Where the books come from.
        conditions: What is wrong on all connections.
        max_queued: Bytes that may wait for it.

    """

    def __init__(
        self,
        connection: Connection,
        number: int,
        feed: Feed,
        conditions: Conditions,
        *,
        max_queued: int,
    ) -> None:
        self.connection = connection
        connection.conditions = conditions
        self.outbox = Outbox(connection, conditions, max_queued=max_queued)
        # Kraken's pass 2^53, which tells whether a client reads them as floats.
        connection_id = 2**53 + secrets.randbelow(2**64 - 2**53)
        self.session = Session(feed, self.outbox, connection_id, conditions)
        self._number = number
        self._conditions = conditions
        self._late: DelayLine[str | bytes] = DelayLine(self.session.receive)

    async def serve(self, journal: Journal) -> None:
        """Greet the client and answer it until its connection ends."""
        log.debug("client connected", address=self.connection.remote_address, number=self._number)
        self.session.tell_status()
        try:
            async for message in self.connection:
                journal.note(self._number, message)
                self._receive(message)
        except ConnectionClosedError as error:
            log.debug("client lost", number=self._number, reason=str(error))
        finally:
            self._late.clear()
            self.session.close()
            self.outbox.close()

    def _receive(self, message: str | bytes) -> None:
        late = self._conditions.get(AnswerLate)
        if late or self._late:
            self._late.put(message, late.delay if late else 0.0)
        else:
            self.session.receive(message)
