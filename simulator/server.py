"""Sockets in, frames out: a feed served on a port."""

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

from simulator.client import Client, Connection
from simulator.conditions import Conditions
from simulator.faults import AcceptAndClose, RefuseConnections, System
from simulator.feed import Feed
from simulator.instruments import Instrument
from simulator.journal import Journal
from simulator.outbox import MAX_QUEUED_BYTES

_HEARTBEAT_SECONDS = 1.0
_STOP_SECONDS = 0.6
"""How long clients have to answer the close frame when the simulator stops."""


class Simulator:
    """A feed on a port, from `async with` to its end, where connections are closed with 1001.

    Args:
        feed: Where the books come from.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        listener: A socket that listens already, instead of host and port.
        max_queued: Bytes that may wait for a client before it is closed.

    Attributes:
        conditions: What is wrong on all connections.
        journal: What was asked on them.
        accepted: How many there have been.

    """

    def __init__(
        self,
        feed: Feed,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        listener: socket.socket | None = None,
        max_queued: int = MAX_QUEUED_BYTES,
    ) -> None:
        self.conditions = Conditions()
        self.journal = Journal()
        self.accepted = 0
        self._feed = feed
        self._host = host
        self._port = port
        self._listener = listener
        self._max_queued = max_queued
        self._clients: set[Client] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where clients connect, once started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self._port}/v2"

    async def __aenter__(self) -> Simulator:
        # No pings: Kraken's patience with slow readers is bounded by its queue, and so is ours.
        # No compression: it would pack each frame again for each client.
        where: dict[str, Any] = {"host": self._host, "port": self._port}
        self._server = await serve(
            self._serve_client,
            **(where if self._listener is None else {"sock": self._listener}),
            compression=None,
            ping_interval=None,
            close_timeout=_STOP_SECONDS,
            process_request=self._answer_plainly,
            create_connection=Connection,
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
        """Serve until `stop` is set; an error of the feed ends it too, and is raised."""
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopped, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done:
            task.result()

    @property
    def open_connections(self) -> int:
        """How many clients there are."""
        return len(self._clients)

    def close_all(self, code: int) -> None:
        """Close every connection with a close frame."""
        for client in self._clients:
            self._in_background(client.connection.close(code))

    def abort_all(self) -> None:
        """End every TCP connection at once."""
        for client in tuple(self._clients):
            client.connection.transport.abort()

    def push_all(self, packed: bytes) -> None:
        """Send every client a frame, packed."""
        for client in self._clients:
            client.outbox.push(packed)

    def set_system(self, system: System) -> None:
        """Tell every client, and each that comes, that the system is like this."""
        self.conditions.system = system
        for client in self._clients:
            client.session.tell_status()

    def announce(self, changed: Instrument) -> None:
        """Tell those that follow the instruments that a pair has changed."""
        for client in self._clients:
            client.session.tell_instrument(changed)

    async def _serve_client(self, connection: ServerConnection) -> None:
        self.accepted += 1
        if self.conditions.get(AcceptAndClose):
            await connection.close(CloseCode.GOING_AWAY)
            return
        assert isinstance(connection, Connection)
        client = Client(
            connection, self.accepted, self._feed, self.conditions, max_queued=self._max_queued
        )
        self._clients.add(client)
        try:
            await client.serve(self.journal)
        finally:
            self._clients.discard(client)

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for client in self._clients:
                client.session.heartbeat()

    def _answer_plainly(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse the handshake, or answer who only asks whether the simulator is there."""
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        refusal = self.conditions.get(RefuseConnections)
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
        # Some client does not read, so that its close frame cannot go out.
        for connection in list(server.all_connections):
            connection.transport.abort()
        await server.wait_closed()
