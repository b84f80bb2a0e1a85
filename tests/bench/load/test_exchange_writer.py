"""The books of an exchange that `ExchangeWriter` writes are right."""

from __future__ import annotations

from contextlib import closing

import pytest
from redis import Redis

from bench.load.exchange_writer import ExchangeWriter
from bench.load.market_events import market_events
from lab.ladder import ladder_of_dump
from lab.stored_books import StoredBooks
from launcher.embedded_redis import EmbeddedRedis

pytestmark = pytest.mark.process


def test_exchange_writer_writes_verified_and_announced_books() -> None:
    with EmbeddedRedis() as server, Redis.from_url(server.url) as redis:
        with closing(ExchangeWriter(server.socket_path, market_events(200), 30)) as writer:
            writer.begin_all()
            for _ in range(10):
                writer.flush(20)
            writer.touch_all()
        with closing(StoredBooks(server.url)) as streams:
            assert set(streams.states()) == set(writer.symbols)
            for symbol in writer.symbols:
                ladder = ladder_of_dump(symbol, streams.entries(symbol))
                assert ladder.counts.updates == writer.moved[symbol]
        # One wake for all snapshots, and one for each flush.
        assert redis.xlen("kraken:wake") == 11
    assert writer.moved.total() == 200
