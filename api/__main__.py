"""`python -m api`: wires the service; its parts say what they do."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic

import uvloop

from api.app import make_app
from api.buffer import Buffer
from api.channels import Channels
from api.directory import Directory
from api.followed_books import FollowedBooks
from api.roster import Roster
from api.settings import ApiSettings
from api.socket import SocketProtocol, bound_unsent
from api.store import BookStore
from api.streams import Streams
from api.tail import Tail
from service.garbage import look_for_garbage_seldom
from service.http_server import PortInUse, allow_open_files, exit_with, listen, serve
from service.logs import configure_logs, get_logger, parse_levels
from service.redis_engine import connect_nodes
from service.redis_url import without_password
from service.settings import read_settings
from service.stop import stop_on_signals
from service.tasks import end_tasks, stop_or_failure

log = get_logger("api")

# A Redis that hangs is one that is away; who asks /readyz gives up soon.
REDIS_SECONDS = 2.0
# Of API_DRAIN, what the server has at least to end its other answers, and needs to look and end.
SERVER_SECONDS = 1.0
ENDING_SECONDS = 0.3


async def run(settings: ApiSettings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM."""
    going = stop_on_signals()
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
    books = FollowedBooks(tail, store, buffer)
    channels = Channels(tail, books, Roster(directory, store), buffer)
    app = make_app(store, directory, tail, channels, streams, settings.api_max_age)

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

    serving = asyncio.create_task(
        serve(app, listener, drained, grace=left, protocol=SocketProtocol)
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
    settings = read_settings(ApiSettings)
    configure_logs(parse_levels(settings.log_level), settings.log_format)
    look_for_garbage_seldom()
    try:
        listener = listen(settings.api_host, settings.api_port, "API_PORT")
        bound_unsent(listener)
    except PortInUse as error:
        exit_with(error)
    uvloop.run(run(settings, listener))


if __name__ == "__main__":
    main()
