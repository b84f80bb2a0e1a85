"""Run the api as a process: wire its parts, from the settings to the drain."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic

import uvloop

from api.app import make_app
from api.delivery.stream_socket import SocketProtocol, bound_unsent
from api.delivery.streams import Streams
from api.follow.buffer import Buffer
from api.follow.tail import Tail
from api.http.request_log import CONSOLE_LEVELS
from api.settings import ApiSettings
from api.store.book_store import BookStore
from api.store.directory import Directory
from api.views.book_registry import BookRegistry
from api.views.channel_registry import ChannelRegistry
from api.views.roster import Roster
from runtime.http.limits import HttpLimits
from runtime.http.server import allow_open_files, exit_with, serve
from runtime.listening import PortInUse, inherited_listener, listen
from runtime.log_output import LogOutput
from runtime.logs import get_logger
from runtime.redis.client import connect_nodes
from runtime.redis.url import without_password
from runtime.service import begin, end_tasks, stop_on_signals, stop_or_failure

log = get_logger("api")

WHAT = "Serves the order books that collectors publish in Redis, over HTTP and SSE."

# A Redis that hangs is one that is away; who asks /readyz gives up soon.
REDIS_SECONDS = 2.0
# Of API_DRAIN, what the server has at least to end its other answers, and needs to look and end.
SERVER_SECONDS = 1.0
ENDING_SECONDS = 0.3


async def run(
    settings: ApiSettings, listener: socket.socket, output: LogOutput | None = None
) -> None:
    """Serve until a signal, or until nobody can read `output` any more."""
    going = stop_on_signals(output)
    log.info(
        "serving",
        address=f"http://{settings.api_host}:{settings.api_port}",
        redis=without_password(settings.redis_url),
        open_files=allow_open_files(),
    )
    nodes = connect_nodes(settings.redis_url, timeout=REDIS_SECONDS, only_reads=True)
    store = BookStore(nodes)
    buffer = Buffer(settings.api_buffer_mb * 1024 * 1024)
    tail = Tail(nodes, store, settings.api_max_age, buffer)
    streams = Streams(settings.api_write_timeout)
    directory = Directory(store)
    books = BookRegistry(tail, store, buffer)
    channels = ChannelRegistry(tail, books, Roster(directory, store), buffer)
    app = make_app(
        store,
        directory,
        tail,
        channels,
        streams,
        settings.api_max_age,
        settings.api_trusted_proxies,
    )

    drained = asyncio.Event()
    work = (
        tail.follow_streams(),
        tail.watch_ages(),
        books.look_after(),
        channels.look_after(),
        streams.look_after(),
    )
    working = [asyncio.create_task(each) for each in work]
    gone_at = float("inf")

    def left() -> float:
        return max(0.0, gone_at - monotonic() - ENDING_SECONDS)

    limits = HttpLimits(
        idle_seconds=settings.api_keep_alive, write_seconds=settings.api_write_timeout
    )
    serving = asyncio.create_task(
        serve(app, listener, drained, grace=left, protocol=SocketProtocol, limits=limits)
    )
    await stop_or_failure(going, [*working, serving])
    gone_at = monotonic() + settings.api_drain
    await streams.drain(max(0.5, settings.api_drain - SERVER_SECONDS))
    drained.set()
    await serving
    await end_tasks(working)
    await nodes.aclose()
    log.info("stopped")


def main() -> None:
    """Read the settings and serve."""
    settings, output = begin("api", WHAT, ApiSettings, console_levels=CONSOLE_LEVELS)
    try:
        listener = inherited_listener() or listen(settings.api_host, settings.api_port, "API_PORT")
        bound_unsent(listener)
    except PortInUse as error:
        exit_with(error)
    uvloop.run(run(settings, listener, output))
