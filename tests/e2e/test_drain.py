"""A draining replica cuts nothing, loses nothing, and ends in time."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.symbol_state import SymbolState, encode_symbol_state
from lab.balancer import Balancer
from lab.ports import free_port
from lab.services import Api
from lab.sse.account import Tally
from lab.sse.client_reader import ClientReader
from lab.sse.frozen import frozen_reader
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOLS = ("BTC/USD", "ETH/USD")
READERS = 8
# More bytes than any system buffers for a client that does not read.
LARGE = 4_000_000


class Asking(threading.Thread):
    """A thread that requests a book repeatedly; `wrong` has every failed or incomplete answer."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.wrong: list[str] = []
        self.answers = 0
        self._url = url
        self._ended = threading.Event()

    def __enter__(self) -> Asking:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(30)

    def run(self) -> None:
        """Request until the end."""
        while not self._ended.wait(0.05):
            connection = http.client.HTTPConnection(self._url.removeprefix("http://"), timeout=30)
            try:
                connection.request("GET", "/depth/BTC%2FUSD", headers={"Connection": "close"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    self.wrong.append(f"{answer.status}: {body!r}")
                else:
                    json.loads(body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.wrong.append(repr(error))
            finally:
                connection.close()
            self.answers += 1


def test_rolling_restart_of_replicas_costs_no_event(
    stage: Stage,
) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "300")
    stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), STREAM_MAXLEN="1000000"
    )
    replicas = [stage.api(redis.url) for _ in range(2)]
    for replica in replicas:
        replica.wait_until_live(*SYMBOLS)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    with Balancer(replicas) as balancer, ExitStack() as reading:
        wait_until(lambda: len(balancer.ready) == 2, "both replicas are ready")
        asking = reading.enter_context(Asking(balancer.url))
        readers = [
            reading.enter_context(ClientReader(balancer.url, SYMBOLS[number % 2]))
            for number in range(READERS)
        ]
        wait_for_now(readers, streams)
        for replica in replicas:
            assert replica.stop() == 0
            wait_until(lambda: len(balancer.ready) == 1, "the balancer knows")
            wait_for_now(readers, streams)
            replica.restart()
            wait_until(lambda: len(balancer.ready) == 2, "the replica is back")
        wait_for_now(readers, streams)
        assert asking.answers > 0
        assert asking.wrong == []
    accounts = [reader.record.account for reader in readers]
    met = sum((account.tally for account in accounts), Tally())
    assert [reader.error for reader in readers if reader.error] == []
    assert (met.missed, met.uncounted, met.conflated) == (0, 0, 0)
    assert met.cuts == 0
    assert set(balancer.answers) == {"200"}
    # At least one event for the readers of each replica.
    assert met.interruptions >= READERS
    for account in accounts:
        ladder = account.ladder
        assert ladder.counts.snapshots == 1, "it went on each time where it stopped"
        assert ladder.counts.lagged == 0
    assert not any("Traceback" in replica.log for replica in replicas)


def wait_for_now(readers: list[ClientReader], streams: StoredBooks) -> None:
    """Return when every reader has all events that are published now."""
    ends = {symbol: streams.last_seq(symbol) for symbol in SYMBOLS}

    def are_there() -> bool:
        assert [reader.error for reader in readers if reader.error] == []
        ladders = [reader.record.account.ladder for reader in readers]
        return all(ladder.seq >= ends[ladder.symbol] for ladder in ladders)

    wait_until(are_there, f"all have come to {ends}")


@pytest.fixture(scope="module")
def long_list(module_stage: Stage) -> EmbeddedRedis:
    """Return a Redis with one book, and refused symbols until /books has at least `LARGE` bytes."""
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", "BTC/USD", "--rate", "100")
    collector = module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    collector.wait_until_live(1)
    assert collector.stop() == 0
    simulator.stop()
    streams = StoredBooks(redis.url)
    refused = SymbolState("refused", "?" * 400, "simulated", "0/1", 10, None, None)
    names = [f"X{number}/USD" for number in range(LARGE // 400)]
    streams.client.hset(SYMBOLS_KEY, mapping=dict.fromkeys(names, encode_symbol_state(refused)))
    streams.close()
    return redis


def ask_for_books(api: Api) -> socket.socket:
    """Return a client that has requested /books and has not read the answer yet."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", api.port))
    slow.sendall(b"GET /books HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return slow


def test_draining_replica_completes_slowly_read_answer(
    long_list: EmbeddedRedis, stage: Stage
) -> None:
    api = stage.api(long_list.url, API_MAX_AGE="1000", API_DRAIN="30")
    with ask_for_books(api) as slow:
        slow.settimeout(30)
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        api.process.terminate()
        api.wait_for_line("stopping")
        # Longer than the drain of a server without open requests.
        time.sleep(2.5)
        body = answer.read()
    assert len(body) == int(answer.headers["content-length"]) > LARGE
    assert len(json.loads(body)) > LARGE // 400
    assert api.wait_for_end() == 0


def test_client_that_never_reads_delays_drain_no_longer_than_allowed(
    long_list: EmbeddedRedis, stage: Stage
) -> None:
    api = stage.api(long_list.url, API_MAX_AGE="1000", API_DRAIN="3")
    with ask_for_books(api) as asked, frozen_reader(api.url, "BTC/USD") as frozen:
        asked.recv(1)
        frozen.recv(1)
        wait_until(lambda: api.metric("kraken_book_readers") == 1, "the reader is counted")
        # Far longer than API_DRAIN, and shorter than API_WRITE_TIMEOUT.
        assert api.stop(limit=20) == 0
    assert "Traceback" not in api.log


def test_draining_replica_answers_requests_in_flight(stage: Stage) -> None:
    redis = stage.redis(free_port())
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "100")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(redis.url)
    api.wait_until_live("BTC/USD")
    with ExitStack() as undo:
        redis.freeze()
        undo.callback(redis.resume)
        asking = [
            undo.enter_context(socket.create_connection(("127.0.0.1", api.port), 30))
            for _ in range(2)
        ]
        for each, path in zip(asking, ("/depth/BTC%2FUSD", "/books"), strict=True):
            each.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # Unanswered: they are in flight until the timeout of Redis.
        asked = threading.Event()
        asked.wait(0.3)
        api.process.terminate()
        for each in asking:
            answer = http.client.HTTPResponse(each)
            answer.begin()
            assert answer.status in (200, 503)
            assert json.loads(answer.read())
    assert api.wait_for_end() == 0
