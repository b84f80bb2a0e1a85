"""Slow readers get `lagged`, stuck readers are cut off, and both cost bounded memory."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

from lab.ladder import Ladder
from lab.ports import free_port
from lab.services import Api
from lab.sse.checking_crowd import CheckingCrowd
from lab.sse.frozen import frozen_reader, frozen_readers
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOL = "BTC/USD"
GOOD, FROZEN = 50, 10
# More bytes than all buffers between the api and a reader can hold.
BEHIND = 6000
# Bytes of one stuck reader in the process, with a large margin.
MAX_BYTES = 1_000_000


def open_book(stage: Stage) -> tuple[EmbeddedRedis, StoredBooks]:
    """A book that moved fast and now moves slowly."""
    redis = stage.redis()
    port = free_port()
    fast = stage.simulator("--symbols", SYMBOL, "--rate", "5000", port=port)
    stage.collector(redis.url, fast.url, KRAKEN_SYMBOLS=SYMBOL, STREAM_MAXLEN="1000000")
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    streams.wait_for_seq(SYMBOL, BEHIND)
    fast.stop()
    stage.simulator("--symbols", SYMBOL, "--rate", "100", port=port)
    streams.wait_for_seq(SYMBOL, streams.last_seq(SYMBOL) + 10)
    return redis, streams


def test_many_stuck_readers_are_cut_off_in_bounded_memory(
    stage: Stage,
) -> None:
    redis, streams = open_book(stage)
    api = stage.api(redis.url, API_WRITE_TIMEOUT="3")
    api.wait_until_live(SYMBOL)
    first_id = streams.entries(SYMBOL)[0][0]
    with CheckingCrowd(api.url, SYMBOL, GOOD) as crowd:
        wait_for(crowd, "joined", GOOD)
        before = api.memory()
        with frozen_readers(api.url, SYMBOL, FROZEN, first_id):
            wait_until(lambda: readers(api) == GOOD + FROZEN, "all readers are counted")
            cost = [before]

            def cut_off() -> bool:
                cost.append(api.memory())
                return api.metric("kraken_book_cut_off_total") == FROZEN

            wait_until(cut_off, "all stuck readers are cut off")
            wait_until(lambda: readers(api) == GOOD, "the stuck readers are forgotten")
        assert (max(cost) - before) / FROZEN < MAX_BYTES
        wait_for(crowd, "events", crowd.events + 10 * GOOD)
        assert crowd.wrong == []
    assert len(api.lines("reader stalled, cut off")) == FROZEN


def readers(api: Api) -> float:
    return api.metric("kraken_book_readers")


def wait_for(crowd: CheckingCrowd, what: str, count: int) -> None:
    def come() -> bool:
        assert crowd.wrong == []
        return bool(getattr(crowd, what) >= count)

    wait_until(come, f"{count} {what}")


def test_reader_that_slept_gets_lagged_with_missed_count(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "6000")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, STREAM_MAXLEN="1000000")
    api = stage.api(redis.url)
    api.wait_until_live(SYMBOL)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    with frozen_reader(api.url, SYMBOL) as slow:
        wait_until(lambda: readers(api) == 1, "the reader is counted")
        # A ring keeps at most 8,192 events of a symbol.
        streams.wait_for_seq(SYMBOL, streams.last_seq(SYMBOL) + 10_000)
        lagged = account(slow, until="lagged", then=20)
    assert lagged["reason"] == "slow"
    assert lagged["missed"] > 0
    assert api.metric("kraken_book_lagged_total", reason="slow") >= 1
    assert api.metric("kraken_book_cut_off_total") == 0


def account(sock: socket.socket, until: str, then: int) -> dict[str, Any]:
    """Return the first event of a kind and check it, `then` more events, and the missed count."""
    ladder, found, more = Ladder(SYMBOL), None, 0
    for event in events(sock):
        last = ladder.seq
        is_complete = found is not None and more == 0
        ladder.take(event)
        if is_complete and found is not None:
            assert event["kind"] == "snapshot"
            assert found["missed"] == event["seq"] - last
        if found is not None:
            more += 1
        elif event["kind"] == until:
            found = event
        if found is not None and more == then:
            return found
    raise AssertionError("the stream ended")


def events(sock: socket.socket) -> Iterator[dict[str, Any]]:
    sock.settimeout(30)
    response = http.client.HTTPResponse(sock)
    response.begin()
    for line in response:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def test_slow_reader_gets_lagged_and_is_not_cut_off(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "6000")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, STREAM_MAXLEN="1000000")
    api = stage.api(redis.url, API_WRITE_TIMEOUT="1")
    api.wait_until_live(SYMBOL)
    with frozen_reader(api.url, SYMBOL) as slow:
        ladder = Ladder(SYMBOL)
        for taken, event in enumerate(events(slow)):
            ladder.take(event)
            # At the first pace a write takes several seconds, and no timeout may end it. The other
            # one is slower than the market on a busy machine, too.
            if not ladder.counts.lagged:
                time.sleep(0.015 if taken < 400 else 0.005)
            if ladder.counts.lagged and ladder.counts.snapshots > 1:
                break
    assert api.metric("kraken_book_cut_off_total") == 0
