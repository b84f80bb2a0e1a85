"""Sockets in, frames out: a feed served on a port."""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Request, Response

from service.logs import get_logger
from simulator.feed import Feed
from simulator.outbox import MAX_QUEUED_BYTES, Outbox
from simulator.session import Session

log = get_logger(__name__)

_HEARTBEAT_SECONDS = 1.0
_STOP_SECONDS = 0.6
"""How long clients have to answer the close frame when the simulator stops."""


class Simulator:
    """A feed on a port, from `async with` to its end, where connections are closed with 1001.

    Args:
        feed: Where the books come from.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        max_queued: Bytes that may wait for a client before it is closed.

    """

    def __init__(
        self,
        feed: Feed,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_queued: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._feed = feed
        self._host = host
        self._port = port
        self._max_queued = max_queued
        self._sessions: set[Session] = set()
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
        self._server = await serve(
            self._serve_client,
            self._host,
            self._port,
            compression=None,
            ping_interval=None,
            close_timeout=_STOP_SECONDS,
            process_request=_answer_health,
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

    async def _serve_client(self, connection: ServerConnection) -> None:
        outbox = Outbox(connection, max_queued=self._max_queued)
        # Kraken's pass 2^53, which tells whether a client reads them as floats.
        connection_id = 2**53 + secrets.randbelow(2**64 - 2**53)
        session = Session(self._feed, outbox, connection_id)
        log.debug("client connected", address=connection.remote_address, id=connection_id)
        session.open()
        self._sessions.add(session)
        try:
            async for message in connection:
                session.receive(message)
        except ConnectionClosedError as error:
            log.debug("client lost", id=connection_id, reason=str(error))
        finally:
            self._sessions.discard(session)
            session.close()

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for session in self._sessions:
                session.heartbeat()


def _answer_health(connection: ServerConnection, request: Request) -> Response | None:
    """For who only asks whether the simulator is there."""
    return connection.respond(HTTPStatus.OK, "ok\n") if request.path == "/healthz" else None


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
