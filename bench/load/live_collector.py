"""Start a collector that follows everything that a feed lists."""

from __future__ import annotations

import asyncio

from lab.services import Collector
from lab.stage import Stage


async def live_collector(
    stage: Stage,
    redis_url: str,
    feed_url: str,
    books: int,
    *,
    module: str = "collector",
    **environment: str,
) -> Collector:
    """Start `python -m module` for a feed, and wait until `count` books are live.

    The event loop is not blocked, because the feed may run in it.

    Returns:
        The running collector.

    """
    collector = await asyncio.to_thread(
        stage.collector,
        redis_url,
        feed_url,
        module=module,
        KRAKEN_SYMBOLS="*",
        LOG_LEVEL="warning",
        **environment,
    )
    await asyncio.to_thread(collector.wait_until_live, books)
    return collector
