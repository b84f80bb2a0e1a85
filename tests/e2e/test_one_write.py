"""The events of one flush are sent to each reader in one write."""

from __future__ import annotations

from contextlib import closing

from bench.load.exchange_writer import ExchangeWriter
from bench.load.market_events import market_events
from lab.sse.counting import CountingReaders, StreamAddress, wait_for_updates
from lab.stage import Stage
from lab.waiting import DEADLINE, wait_until

BOOKS = 24
FLUSHES = 10
EVENTS = 60


def test_flush_of_many_books_is_one_write_per_reader(stage: Stage) -> None:
    redis = stage.redis()
    writer = stage.enter(closing(ExchangeWriter(redis.socket_path, market_events(500), BOOKS)))
    writer.begin_all()
    api = stage.api(redis.url, API_MAX_AGE="3600")
    with CountingReaders([StreamAddress(api.port, "/stream?symbols=*")]) as drain:
        wait_until(lambda: drain.counts()[0].snapshots == BOOKS, "the reader has every book")
        before = api.metric("kraken_book_stream_writes_total")
        for number in range(1, FLUSHES + 1):
            writer.flush(EVENTS)
            assert wait_for_updates(drain, [number * EVENTS], DEADLINE)
        writes = api.metric("kraken_book_stream_writes_total") - before

    # A sweep may read a part of a flush before the wake comes; that makes two writes.
    assert FLUSHES <= writes <= 2 * FLUSHES
