"""Run the api as a process: build its parts, serve until a signal, drain."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import uvloop

from api.access.authenticator import Authenticator
from api.access.start import AccessFiles, make_authenticator, read_access_files
from api.delivery.stream_socket import SocketProtocol, bound_unsent
from api.delivery.stream_start import StreamStarter
from api.delivery.streams import Streams
from api.follow.age_watch import AgeWatch
from api.follow.buffer import Buffer
from api.follow.event_log import MAX_EVENTS
from api.follow.follower import SWEEP_INTERVAL, Follower
from api.follow.followers import CHECK_INTERVAL, Followers
from api.follow.join_points import JoinPoints
from api.follow.outages import Outages
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.follow.sweep import Sweep
from api.follow.wake import MAX_STREAMS, Wake
from api.http.best import BestRoute
from api.http.best_feeds import BestFeeds
from api.http.hosts import HostCheck
from api.http.request_log import CONSOLE_LEVELS
from api.http.routes import Site, make_app, make_ops_app
from api.settings import ApiSettings
from api.store.book_store import BookStore
from api.store.directory import FRESH_SECONDS, Directory
from api.store.history import EventHistory
from api.store.stream_entry import MAX_ENTRIES
from api.store.stream_reads import PAGE_ENTRIES, StreamReads
from api.views.book_registry import BookRegistry
from api.views.channel import VIEW_BYTES
from api.views.channel_registry import UPDATE_INTERVAL, ChannelRegistry
from api.views.roster import GONE_SECONDS, Roster
from kraken_book.access_keys import NO_LIMITS
from kraken_book.errors import Unusable
from kraken_book.redis_url import without_password
from runtime.http.limits import HttpLimits
from runtime.http.server import allow_open_files, exit_with, serve
from runtime.listening import PortInUse, inherited_listener, listen
from runtime.log_output import LogOutput
from runtime.logs import get_logger
from runtime.redis.client import connect_nodes
from runtime.redis.nodes import Nodes
from runtime.service import (
    begin,
    end_tasks,
    pass_over_late_failures,
    stop_on_signals,
    stop_or_failure,
)

if TYPE_CHECKING:  # it imports `limits`, which an api without limits need not load
    from api.access.limiter import Limiter

# Users write this name in LOG_LEVEL, so it does not change with the module.
log = get_logger("api")

DESCRIPTION = "Serves the order books that collectors publish in Redis, over HTTP and SSE."

# Redis counts as unreachable after this time, and /readyz answers 503.
REDIS_TIMEOUT = 2.0
# Parts of API_DRAIN that are kept for other requests, and for the end of the process.
SERVER_SECONDS = 1.0
ENDING_SECONDS = 0.3


class Api:
    """The parts of one process, built in the order of the data flow.

    Args:
        nodes: The nodes of Redis.
        max_age: Seconds without a confirmation after which a book is stale.
        buffer_bytes: Bound of the events and books that are kept for open streams.
        write_timeout: Seconds after which a client that reads nothing is cut off.
        site: How the api is reached from the web.
        authenticator: Decides about keys and tokens; None if the api needs none.
        limiter: Limits what each caller does; None for no limits.
        max_streams: The most streams of this process; None for no bound.
        sweep_interval: Seconds between two sweeps of a node.
        update_interval: Seconds between two updates of the channels' watermarks and symbols.
        list_fresh_seconds: Seconds for which the list of symbols is not read again.
        gone_after: Seconds after which a symbol without list entry and book leaves `*`.
        ring_events: The least number of events that a ring keeps, if the buffer allows.
        view_bytes: Bound of the log of a view.
        max_streams_waited_on: The follower blocks on the streams themselves if it follows at most
            this many.
        page_entries: Entries that one read returns to a resuming reader.
        max_entries: Entries of one stream that one read of the follower returns.
        check_interval: Seconds after which a new venue is followed at the latest.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        max_age: float,
        buffer_bytes: int,
        write_timeout: float,
        site: Site | None = None,
        authenticator: Authenticator | None = None,
        limiter: Limiter | None = None,
        max_streams: int | None = None,
        sweep_interval: float = SWEEP_INTERVAL,
        update_interval: float = UPDATE_INTERVAL,
        list_fresh_seconds: float = FRESH_SECONDS,
        gone_after: float = GONE_SECONDS,
        ring_events: int = MAX_EVENTS,
        view_bytes: int = VIEW_BYTES,
        max_streams_waited_on: int = MAX_STREAMS,
        page_entries: int = PAGE_ENTRIES,
        max_entries: int = MAX_ENTRIES,
        check_interval: float = CHECK_INTERVAL,
    ) -> None:
        self.store = BookStore(nodes)
        corrupt = self.store.corrupt
        self.directory = Directory(self.store, list_fresh_seconds)
        self.reads = StreamReads(nodes, corrupt, page_entries)
        self.history = EventHistory(self.reads, corrupt)

        self.buffer = Buffer(buffer_bytes)
        self.registry = RingRegistry(self.buffer, ring_events)
        self.ages = AgeWatch(self.registry, max_age)
        self.feed = RingFeed(nodes, corrupt, max_entries)
        self.joins = JoinPoints(self.store, self.reads, self.feed, self.ages)
        sweep = Sweep(self.feed, self.store, self.reads, self.ages)
        outages = Outages(nodes.all)

        def make_follower(venue: str) -> Follower:
            wake = Wake(nodes, corrupt, max_streams_waited_on, venue=venue)
            return Follower(
                *(venue, nodes, self.registry, self.feed, sweep, wake, outages), sweep_interval
            )

        self.followers = Followers(self.store.venues, self.registry, make_follower, check_interval)

        self.books = BookRegistry(
            self.registry, self.feed, self.ages, self.store, self.reads, self.buffer
        )
        self.roster = Roster(self.directory, self.store, gone_after)
        self.channels = ChannelRegistry(
            self.reads, self.books, self.roster, self.buffer, update_interval, view_bytes
        )

        self.starter = StreamStarter(
            self.directory, self.registry, self.feed, self.joins, self.reads, self.channels
        )
        self.streams = Streams(write_timeout, max_streams)
        self.best = BestFeeds(BestRoute(self.store, self.directory, max_age), self.buffer)
        self.app = make_app(
            self.store,
            self.directory,
            self.history,
            self.starter,
            self.streams,
            self.best,
            max_age,
            site,
            authenticator,
            limiter,
        )
        self._limiter = limiter
        self._authenticator = authenticator

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the coroutines to run for the life of the process."""
        return [
            self.followers.run(),
            self.store.report_watch.run(),
            self.ages.run(),
            self.books.run(),
            self.channels.run(),
            self.best.run(),
            self.streams.run(),
            *(self._authenticator.loops() if self._authenticator else ()),
            *(self._limiter.loops() if self._limiter else ()),
        ]


async def run(
    settings: ApiSettings,
    listener: socket.socket,
    files: AccessFiles,
    output: LogOutput | None = None,
    ops_listener: socket.socket | None = None,
) -> None:
    """Serve until a signal, or until the reader of `output` has closed it.

    Args:
        settings: The settings.
        listener: The listening socket of the api.
        files: The keys that the api accepts.
        output: The handler of the log.
        ops_listener: The listening socket of the operator endpoints; None to serve them with the
            rest.
    """
    pass_over_late_failures()
    going = stop_on_signals(output)
    log.info(
        "serving",
        address=f"http://{settings.api_host}:{settings.api_port}",
        **({"ops": f"{settings.api_ops_host}:{settings.api_ops_port}"} if ops_listener else {}),
        redis=without_password(settings.redis_url),
        access=files.accepted,
        open_files=allow_open_files(),
    )
    nodes = connect_nodes(settings.redis_url, timeout=REDIS_TIMEOUT, only_reads=True)
    # Tickets and limits are written, so not by the client that only reads.
    access_nodes = connect_nodes(
        settings.api_access_redis_url or settings.redis_url, timeout=REDIS_TIMEOUT
    )
    authenticator = make_authenticator(files, access_nodes)
    limiter = None
    if authenticator is not None or settings.limits != NO_LIMITS:
        from api.access.limiter import Limiter  # noqa: PLC0415 - `limits` is loaded if needed

        limiter = Limiter(settings.limits, access_nodes, denials=settings.denial_limit)
    api = Api(
        nodes,
        authenticator=authenticator,
        limiter=limiter,
        max_streams=settings.api_max_streams,
        max_age=settings.api_max_age,
        buffer_bytes=settings.api_buffer_mb * 1024 * 1024,
        write_timeout=settings.api_write_timeout,
        site=Site(
            hosts=HostCheck(settings.api_hosts, settings.api_host, settings.api_trusted_proxies),
            origins=settings.api_cors_origins,
            root_path=settings.api_root_path,
            has_ops=ops_listener is None,
            proxies=settings.api_trusted_proxies,
        ),
    )
    drained = asyncio.Event()
    working = [asyncio.create_task(each) for each in api.loops()]
    gone_at = float("inf")

    def seconds_left() -> float:
        return max(0.0, gone_at - monotonic() - ENDING_SECONDS)

    serving = [
        asyncio.create_task(server)
        for server in _servers(api, settings, listener, ops_listener, drained, seconds_left)
    ]
    await stop_or_failure(going, [*working, *serving])
    gone_at = monotonic() + settings.api_drain
    await api.streams.drain(max(0.5, settings.api_drain - SERVER_SECONDS))
    drained.set()
    for each in serving:
        await each
    await end_tasks(working)
    if limiter is not None:
        await limiter.aclose()
    await nodes.aclose()
    await access_nodes.aclose()
    log.info("stopped")


def _servers(
    api: Api,
    settings: ApiSettings,
    listener: socket.socket,
    ops_listener: socket.socket | None,
    stop: asyncio.Event,
    grace: Callable[[], float],
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield the server of each port."""
    limits = HttpLimits(
        idle_seconds=settings.api_keep_alive,
        write_seconds=settings.api_write_timeout,
        max_connections=settings.api_max_connections,
    )
    yield serve(api.app, listener, stop, grace=grace, protocol=SocketProtocol, limits=limits)
    if ops_listener is not None:
        hosts = HostCheck(None, settings.api_ops_host)
        site = Site(hosts, proxies=settings.api_trusted_proxies)
        ops = make_ops_app(api.store, api.streams, site)
        # Its own connections, so that a full api can still be watched.
        limits = replace(limits, max_connections=None)
        yield serve(ops, ops_listener, stop, grace=grace, limits=limits)


def main() -> None:
    """Load the settings and serve."""
    settings, output = begin("api", DESCRIPTION, ApiSettings, console_levels=CONSOLE_LEVELS)
    try:
        files = read_access_files(
            settings.api_keys_file, settings.api_jwt, settings.api_jwt_audience
        )
    except Unusable as error:
        exit_with(error, 2)
    try:
        listener = inherited_listener() or listen(settings.api_host, settings.api_port, "API_PORT")
        bound_unsent(listener)
        ops_listener = None
        if settings.api_ops_port is not None:
            ops_listener = listen(settings.api_ops_host, settings.api_ops_port, "API_OPS_PORT")
    except PortInUse as error:
        exit_with(error)
    uvloop.run(run(settings, listener, files, output, ops_listener))
