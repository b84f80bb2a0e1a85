"""Run the collector as a process: wire its parts, from the settings to the last flush."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import uvloop
from redis.exceptions import RedisError

from collector.feed.feed import Feed
from collector.feed.link import FeedLoad
from collector.lead.lease import Lease
from collector.metrics import WAITING
from collector.publish.publisher import Publisher
from collector.report.ops import make_ops_app
from collector.report.reporter import Reporter
from collector.report.troubles import Troubles
from collector.settings import CollectorSettings
from collector.venues.kraken.venue import KrakenVenue
from kraken_book.contract.write import Retention
from runtime.http.server import exit_with, serve
from runtime.listening import PortInUse, inherited_listener, listen
from runtime.log_output import LogOutput
from runtime.logs import get_logger
from runtime.redis.client import connect_nodes
from runtime.redis.url import without_password
from runtime.service import begin, end_tasks, stop_on_signals, stop_or_failure

log = get_logger("collector")

WHAT = "Follows Kraken's order books, verifies each update, and publishes it in Redis."

# Of the second that a stop may take, what the last events may wait for Redis.
LAST_FLUSH_SECONDS = 0.4
HAND_OVER_SECONDS = 0.2


async def run(
    settings: CollectorSettings, listener: socket.socket, output: LogOutput | None = None
) -> None:
    """Collect until a signal, or until nobody can read `output` any more."""
    stop = stop_on_signals(output)
    log.info(
        "collecting",
        kraken=settings.kraken_url,
        symbols=str(settings.kraken_symbols),
        depth=settings.kraken_depth,
        redis=without_password(settings.redis_url),
        source=settings.source,
        shard=str(settings.collector_shard),
    )
    nodes = connect_nodes(settings.redis_url)
    retention = Retention(int(settings.stream_retention * 1000), settings.stream_maxlen)
    troubles = Troubles()
    load = FeedLoad()
    publisher = Publisher(nodes, retention, str(settings.collector_shard), load, troubles)
    feed = Feed(
        kraken_venue(settings),
        settings.kraken_symbols,
        settings.collector_shard,
        settings.kraken_max_symbols,
        load,
        publisher.add,
        publisher.remove,
    )
    WAITING.set_function(lambda: publisher.waiting)
    lease = Lease(
        nodes,
        settings.collector_shard,
        settings.collector_lease,
        publisher.lead,
        publisher.follow,
        troubles,
    )
    publisher.on_fenced = lease.fenced
    reporter = Reporter(nodes, settings.collector_shard, feed, lease, troubles)
    ops = make_ops_app(reporter.describe)

    feeding = [asyncio.create_task(feed.run())]
    work = (publisher.run(), lease.run(), reporter.run())
    working = [asyncio.create_task(each) for each in work]
    serving = asyncio.create_task(serve(ops, listener, stop))
    await stop_or_failure(stop, [*feeding, *working, serving])
    stop.set()
    try:
        await end_tasks(feeding)
        await feed.stop()
    finally:
        await leave(feed, publisher)
        await end_tasks(working)
        await hand_over(lease)
        await serving
    await nodes.aclose()
    log.info("stopped")


def kraken_venue(settings: CollectorSettings) -> KrakenVenue:
    """Return Kraken as the settings describe it."""
    return KrakenVenue(
        url=settings.kraken_url,
        source=settings.source,
        depth=settings.kraken_depth,
        symbols_per_connection=settings.kraken_symbols_per_connection,
        connects_per_10_min=settings.kraken_connects_per_10_min,
        quiet_resync=settings.kraken_quiet_resync,
    )


async def leave(feed: Feed, publisher: Publisher) -> None:
    """Write what still waits, and that the books are followed no more."""
    for book in feed.books.values():
        if book.live:
            book.lose("stopped")
    with contextlib.suppress(TimeoutError, RedisError, OSError):
        async with asyncio.timeout(LAST_FLUSH_SECONDS):
            await publisher.drain()


async def hand_over(lease: Lease) -> None:
    """Let another lead at once."""
    with contextlib.suppress(TimeoutError, RedisError, OSError):
        async with asyncio.timeout(HAND_OVER_SECONDS):
            await lease.release()


def main() -> None:
    """Read the settings and collect."""
    settings, output = begin("collector", WHAT, CollectorSettings)
    try:
        listener = inherited_listener() or listen(
            settings.collector_host, settings.collector_port, "COLLECTOR_PORT"
        )
    except PortInUse as error:
        exit_with(error)
    uvloop.run(run(settings, listener, output))
