"""The WebSocket server: accept clients, serve them a feed, and apply faults to all clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from http import HTTPStatus
from types import TracebackType
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from simulator.client import SimulatedConnection, SimulatorClient
from simulator.faults.active import ActiveFaults
from simulator.faults.kinds import AcceptAndClose, RefuseConnections, System
from simulator.protocol.feed import SimulatedFeed
from simulator.protocol.instruments import SimulatedInstrument
from simulator.protocol.requests import ReceivedRequests
from simulator.send_queue import MAX_QUEUED_BYTES

_HEARTBEAT_SECONDS = 1.0
_STOP_SECONDS = 0.6
"""The time for clients to answer the close frame when the simulator stops."""


class Simulator:
    """A server of a feed that runs until its context ends, and then closes connections with 1001.

    Args:
        feed: The source of books.
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
        feed: SimulatedFeed,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        listener: socket.socket | None = None,
        max_queued: int = MAX_QUEUED_BYTES,
    ) -> None:
        self.active_faults = ActiveFaults()
        self.request_log = ReceivedRequests()
        self.accepted = 0
        self._feed = feed
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
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self._port}/v2"

    async def __aenter__(self) -> Simulator:
        # No pings: as at Kraken, only the size of the queue limits a slow client.
        # No compression: it would pack every frame again for every client.
        address: dict[str, Any] = {"host": self._host, "port": self._port}
        self._server = await serve(
            self._serve_client,
            **(address if self._listener is None else {"sock": self._listener}),
            compression=None,
            ping_interval=None,
            close_timeout=_STOP_SECONDS,
            process_request=self._answer_over_http,
            create_connection=SimulatedConnection,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._tasks = [
            asyncio.create_task(self._feed.run()),
            asyncio.create_task(self._send_heartbeats()),
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
            connection, self.accepted, self._feed, self.active_faults, max_queued=self._max_queued
        )
        self._clients.add(client)
        try:
            await client.serve(self.request_log)
        finally:
            self._clients.discard(client)

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for client in self._clients:
                client.session.send_heartbeat()

    def _answer_over_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the answer to /healthz or a fault's refusal; None to continue the handshake."""
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        refusal = self.active_faults.get(RefuseConnections)
        return _refusal(refusal.status) if refusal else None

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


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
