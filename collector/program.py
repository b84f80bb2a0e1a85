"""The collector as a process: make its parts from the settings, run them, and stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import timedelta

import uvloop
from redis.exceptions import RedisError

from collector.feed.feed import Feed
from collector.feed.link import FeedLoad
from collector.feed.room import Room
from collector.lead.lease import Lease
from collector.metrics import TAPE_WAITING, VENUE, WAITING
from collector.publish.event_queue import QueueLimit
from collector.publish.leadership import Leadership
from collector.publish.publisher import Publisher
from collector.publish.troubles import Troubles
from collector.report.ops import make_ops_app
from collector.report.readiness import LeadReadiness
from collector.report.reporter import Reporter
from collector.settings import CollectorSettings
from collector.tape.folder import TapeFolder, TapeFolderUnusable, TapeLimits
from collector.tape.recorder import TapeRecorder
from collector.venues.choice import open_venue
from kraken_book import __speedups__
from kraken_book.contract.write import Retention
from kraken_book.redis_url import without_password
from runtime.http.server import exit_with, serve
from runtime.listening import PortInUse, inherited_listener, listen
from runtime.log_output import LogOutput
from runtime.logs import get_logger
from runtime.redis.client import connect_nodes
from runtime.service import (
    begin,
    end_tasks,
    pass_over_late_failures,
    stop_on_signals,
    stop_or_failure,
)

log = get_logger("collector")

DESCRIPTION = "Follows the order books of a venue, verifies each update, and publishes it in Redis."
OTHER_VARIABLES = {
    "KRAKEN_BOOK_PURE (0), not from .env": "1 for a hot path in Python, although it is compiled",
    "HTTPS_PROXY, NO_PROXY, not from .env": "the proxy for the venue, and the names without one",
    "SSL_CERT_FILE, not from .env": "trusted certificates instead of the system's",
}

# A stop may take one second; these leave time for its other steps.
LAST_FLUSH_TIMEOUT = 0.4
HAND_OVER_TIMEOUT = 0.2
# The tape has been written since the feed ended; usually it needs no more time.
TAPE_TIMEOUT = 0.3


class Collector:
    """The parts of a collector, connected to each other.

    Args:
        settings: The settings.
        queue_limit: The most events that may wait, if not the default.
        tape: Records the frames.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        queue_limit: QueueLimit | None = None,
        tape: TapeRecorder | None = None,
    ) -> None:
        nodes = connect_nodes(settings.redis_url)
        shard = settings.collector_shard
        retention = Retention(int(settings.stream_retention * 1000), settings.stream_maxlen)
        troubles = Troubles()
        load, room = FeedLoad(), Room()
        followed = settings.followed
        leadership = Leadership(followed.name, str(shard))
        venue = open_venue(followed, room, tape)
        publisher = Publisher(
            nodes,
            retention,
            str(shard),
            leadership,
            load,
            room,
            troubles,
            limit=queue_limit,
            venue=venue.name,
        )
        feed = Feed(
            venue,
            followed.symbols,
            shard,
            followed.max_symbols,
            load,
            publisher.add,
            publisher.remove,
        )
        lease = Lease(nodes, shard, settings.collector_lease, publisher, troubles, venue.name)
        self._nodes = nodes
        self._publisher = publisher
        self._feed = feed
        self._lease = lease
        self._tape = tape
        self._reporter = Reporter(
            nodes, shard, feed, leadership, lease, troubles, tape, venue=venue.name
        )
        self._readiness = LeadReadiness(feed, lease)
        VENUE.labels(venue.name).set(1)
        WAITING.set_function(publisher.count_unwritten)
        if tape is not None:
            TAPE_WAITING.set_function(tape.count_unwritten)

    async def run(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Collect until `stop` is set; then write the pending events and release the lease."""
        if self._tape is not None:
            self._tape.start()
        feeding = [asyncio.create_task(self._feed.run())]
        work = (self._publisher.run(), self._lease.run(), self._reporter.run())
        working = [asyncio.create_task(each) for each in work]
        ops = make_ops_app(self._reporter, self._readiness, listener.getsockname()[0])
        serving = asyncio.create_task(serve(ops, listener, stop))
        await stop_or_failure(stop, [*feeding, *working, serving])
        stop.set()
        try:
            await end_tasks(feeding)
            await self._feed.stop()
        finally:
            if self._tape is not None:
                self._tape.close()
            await self._write_last()
            await end_tasks(working)
            await self._hand_over()
            await serving
            await self._finish_tape()
        await self._nodes.aclose()

    async def _write_last(self) -> None:
        """Write the pending events, and a status `syncing` for each live book."""
        for book in self._feed.books.values():
            if book.is_live:
                book.lose("stopped")
        with contextlib.suppress(TimeoutError, RedisError, OSError):
            async with asyncio.timeout(LAST_FLUSH_TIMEOUT):
                await self._publisher.drain()

    async def _finish_tape(self) -> None:
        """Wait until the tape has its last frames."""
        if self._tape is not None and not await asyncio.to_thread(self._tape.join, TAPE_TIMEOUT):
            log.warning("tape not finished, its files stay partial")

    async def _hand_over(self) -> None:
        """Release the lease, so that a standby can lead at once."""
        with contextlib.suppress(TimeoutError, RedisError, OSError):
            async with asyncio.timeout(HAND_OVER_TIMEOUT):
                await self._lease.release()


def claim_tape(settings: CollectorSettings) -> TapeRecorder | None:
    """Return the tape that the settings describe, None if there is none.

    A TapeFolderUnusable is raised if the folder cannot be used.

    Args:
        settings: The settings.
    """
    if settings.collector_tape is None:
        return None
    folder = TapeFolder(settings.collector_tape)
    folder.claim()
    max_bytes = int(settings.collector_tape_max_gb * 1e9)
    max_age = timedelta(days=settings.collector_tape_max_days)
    return TapeRecorder(folder, TapeLimits(max_bytes, max_age))


async def run(
    settings: CollectorSettings,
    listener: socket.socket,
    output: LogOutput | None = None,
    queue_limit: QueueLimit | None = None,
    tape: TapeRecorder | None = None,
) -> None:
    """Collect until a signal arrives, or until the reader of `output` has gone."""
    pass_over_late_failures()
    stop = stop_on_signals(output)
    followed = settings.followed
    log.info(
        "collector started",
        venue=followed.name,
        url=followed.url,
        symbols=str(followed.symbols),
        depth=followed.depth,
        redis=without_password(settings.redis_url),
        source=followed.source,
        shard=str(settings.collector_shard),
        speedups=__speedups__,
        tape=str(settings.collector_tape) if tape else None,
    )
    await Collector(settings, queue_limit, tape).run(listener, stop)
    log.info("stopped")


def main(queue_limit: QueueLimit | None = None) -> None:
    """Read the settings and run the collector.

    Args:
        queue_limit: Other limits of waiting events, for tests.
    """
    settings, output = begin(
        "collector", DESCRIPTION, CollectorSettings, other_variables=OTHER_VARIABLES
    )
    try:
        listener = inherited_listener() or listen(
            settings.collector_host, settings.collector_port, "COLLECTOR_PORT"
        )
    except PortInUse as error:
        exit_with(error)
    try:
        tape = claim_tape(settings)
    except TapeFolderUnusable as error:
        exit_with(error, 2)
    uvloop.run(run(settings, listener, output, queue_limit, tape))
