"""The server: accept clients of a venue, answer REST, and apply faults to all clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from simulator.client import SimulatedConnection, SimulatorClient
from simulator.faults.kinds import (
    AcceptAndClose,
    AddressBan,
    AnyFault,
    EnforcedLimits,
    RefuseConnections,
    System,
    VenueMaintenance,
    VenueRestart,
)
from simulator.market.instrument import SimulatedInstrument
from simulator.protocols.meter import EventMeter
from simulator.protocols.request_log import ReceivedRequests
from simulator.protocols.rest import RestAnswer
from simulator.protocols.venue import SimulatedVenue
from simulator.rest_desk import RestDesk
from simulator.send_queue import MAX_QUEUED_BYTES

_HEARTBEAT_SECONDS = 1.0
_OPEN_SECONDS = 600.0
"""The time for a handshake or a REST answer, which faults make slow."""
_STOP_SECONDS = 0.6
"""The time for clients to answer the close frame when the simulator stops."""


class Simulator:
    """A server of a venue that runs until its context ends, and then closes connections with 1001.

    Args:
        protocol: The venue.
        host: The address to listen on.
        port: The port; 0 for a free port.
        listener: A listening socket to use instead of host and port.
        max_queued: The maximum of bytes to queue for a client; one that needs more is closed.

    Attributes:
        active_faults: The faults of all connections.
        request_log: The latest requests of all connections.
        accepted: The number of connections since the start.

    """

    def __init__(
        self,
        protocol: SimulatedVenue,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        listener: socket.socket | None = None,
        max_queued: int = MAX_QUEUED_BYTES,
    ) -> None:
        self.active_faults = protocol.active_faults
        self.request_log = ReceivedRequests()
        self.accepted = 0
        self._protocol = protocol
        self._rest = RestDesk(protocol, self.request_log)
        self._connects = EventMeter(protocol.connect_limit) if protocol.connect_limit else None
        self._host = host
        self._port = port
        self._listener = listener
        self._max_queued = max_queued
        self._clients: set[SimulatorClient] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The address for clients; valid after the start."""
        return f"ws://{self._address()}{self._protocol.path}"

    @property
    def rest_url(self) -> str | None:
        """The address of REST without a path, valid after the start; None if it has none."""
        return f"http://{self._address()}" if self._protocol.has_rest else None

    async def __aenter__(self) -> Simulator:
        # Without pings, as at Kraken, only the size of the queue limits a slow client.
        # No compression: it would pack every frame again for every client.
        address: dict[str, Any] = {"host": self._host, "port": self._port}
        self._server = await serve(
            self._serve_client,
            **(address if self._listener is None else {"sock": self._listener}),
            compression=None,
            ping_interval=self._protocol.ping_seconds,
            ping_timeout=self._protocol.pong_seconds,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_STOP_SECONDS,
            process_request=self._answer_over_http,
            create_connection=SimulatedConnection,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._tasks = [
            asyncio.create_task(self._protocol.run()),
            asyncio.create_task(self._beat()),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        if self._server is not None:
            await _stop(self._server)

    async def wait(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; an error of the feed is raised."""
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopped, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done:
            task.result()

    @property
    def open_connections(self) -> int:
        """The number of connected clients."""
        return len(self._clients)

    def close_all(self, code: int) -> None:
        """Close every connection with a close frame."""
        for client in self._clients:
            self._in_background(client.connection.close(code))

    def abort_all(self) -> None:
        """Abort every TCP connection."""
        for client in tuple(self._clients):
            client.connection.transport.abort()

    def perform(self, fault: AnyFault) -> None:
        """Let a fault happen at the venue and on every connection."""
        self._protocol.perform(fault)
        for client in self._clients:
            client.session.perform(fault)
        if isinstance(fault, VenueRestart):
            present = tuple(self._clients)
            asyncio.get_running_loop().call_later(fault.delay, self._close, present)
        elif isinstance(fault, VenueMaintenance) and self._protocol.closes_in_maintenance:
            self.close_all(CloseCode.SERVICE_RESTART)

    def push_all(self, packed: bytes) -> None:
        """Send every client a frame from `wire.pack`."""
        for client in self._clients:
            client.send_queue.push(packed)

    def set_system(self, system: System) -> None:
        """Change the status of the system, and send it to every client."""
        self.active_faults.system = system
        for client in self._clients:
            client.session.send_status()

    def send_instrument(self, changed: SimulatedInstrument) -> None:
        """Send a changed pair to the clients that follow the instruments."""
        for client in self._clients:
            client.session.send_instrument(changed)

    async def _serve_client(self, connection: ServerConnection) -> None:
        self.accepted += 1
        if self.active_faults.get(AcceptAndClose):
            await connection.close(CloseCode.GOING_AWAY)
            return
        assert isinstance(connection, SimulatedConnection)
        client = SimulatorClient(
            connection, self.accepted, self._protocol, max_queued=self._max_queued
        )
        self._clients.add(client)
        try:
            await client.serve(self.request_log)
        finally:
            self._clients.discard(client)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for client in self._clients:
                client.session.beat()

    async def _answer_over_http(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """Return the answer to a plain GET or a refusal; None to continue the handshake."""
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        if self._protocol.has_rest and "Upgrade" not in request.headers:
            # A large answer may need longer than a close frame.
            connection.close_timeout = _OPEN_SECONDS
            return _response(await self._rest.answer(request.path))
        if status := self._refused_status():
            return _refusal(status)
        return None

    def _refused_status(self) -> int | None:
        """Return the status with which to refuse a handshake, or None to accept it."""
        faults = self.active_faults
        if refusal := faults.get(RefuseConnections):
            return refusal.status
        if faults.get(AddressBan):
            return HTTPStatus.FORBIDDEN
        if faults.get(VenueMaintenance) and self._protocol.closes_in_maintenance:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if (
            faults.get(EnforcedLimits)
            and self._connects is not None
            and not self._connects.admits()
        ):
            return HTTPStatus.TOO_MANY_REQUESTS
        return None

    def _address(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    def _close(self, clients: Iterable[SimulatorClient]) -> None:
        for client in clients:
            client.send_queue.end(CloseCode.GOING_AWAY, "restart")

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _response(answer: RestAnswer) -> Response:
    headers = Headers(
        {
            "Content-Type": "application/json",
            "Content-Length": str(len(answer.body)),
            "Connection": "close",
            **answer.headers,
        }
    )
    return Response(answer.status, HTTPStatus(answer.status).phrase, headers, answer.body)


def _refusal(status: int) -> Response:
    body = b"refused on request\n"
    headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, "Refused", headers, body)


async def _stop(server: Server) -> None:
    server.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await server.wait_closed()
    except TimeoutError:
        # A client that does not read never receives the close frame.
        for connection in list(server.all_connections):
            connection.transport.abort()
        await server.wait_closed()
