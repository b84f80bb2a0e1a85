"""The benchmarks of many books: what they write is right, and what they make of what they find."""

from __future__ import annotations

from contextlib import closing

import pytest
from redis import Redis

from bench.load.exchange_writer import ExchangeWriter
from bench.load.loop_watch import Stall
from bench.load.market_events import market_events
from bench.load.redis_load import Spent
from bench.report.rows import GoalVerdict
from bench.suite import Progress
from bench.suites import redis_replica
from bench.suites.replicas import cost_of
from bench.suites.stalls import AllStalls, Watched
from lab.ladder import ladder_of_dump
from lab.stored_books import StoredBooks
from launcher.embedded_redis import EmbeddedRedis

silent = Progress(lambda _what, _share: None)


@pytest.mark.process
def test_every_book_that_is_written_verifies_and_is_announced() -> None:
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
        # One for all snapshots, and one for each flush.
        assert redis.xlen("kraken:wake") == 11
    assert writer.moved.total() == 200


def test_a_replicas_cost_is_told_apart_into_standing_still_flushes_and_events() -> None:
    # 10 us a flush and 5 an event, 1,000 a second; of each event a half is followed.
    alone = [Spent(0.1, 0, 0, 0), Spent(0.2, 10, 10, 0), Spent(0.3, 10, 200, 0)]
    costs = (1000, 1000 + 10 * 10 + 5 * 5, 1000 + 10 * 10 + 100 * 5)
    with_two = [
        Spent(each.cpu + 2 * cost / 1e6, each.flushes, each.events, each.events / 2)
        for each, cost in zip(alone, costs, strict=True)
    ]

    cost = cost_of(alone, with_two, 2)

    assert cost.second == pytest.approx(1000)
    assert cost.flush == pytest.approx(10)
    assert cost.event == pytest.approx(5)
    assert cost.thin == pytest.approx(1125 / 10)
    assert cost.thick == pytest.approx(1600 / 200)


@pytest.mark.process
def test_an_api_that_reads_a_copy_of_the_redis_brings_every_event() -> None:
    assert list(redis_replica.measure(0.02, silent))


def test_a_stall_counts_by_what_the_loop_itself_did() -> None:
    def verdict(stall: Stall) -> GoalVerdict:
        row, *_ = AllStalls(1, 1, [Watched("api", [], [], [stall])]).rows()
        return row.verdict

    # The thread may have worked until the beat was due: of the stall that is none.
    assert verdict(Stall(1.0, 0.2, 0.01, 0.0, "")) is GoalVerdict.MET
    assert verdict(Stall(1.0, 0.049, 0.06, 0.0, "")) is GoalVerdict.MET
    assert verdict(Stall(1.0, 0.2, 0.06, 0.0, "")) is GoalVerdict.MISSED
