"""A hostile client: thousands of strange requests beside good readers, who must not notice it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import pytest

from lab.hostile.attack import Attack, read_to_end, statuses_of
from lab.hostile.requests import RequestMaker
from lab.hostile.shapes import SMUGGLED, SMUGGLING
from lab.hostile.slow import SlowClients
from lab.random_scripts import times_longer
from lab.services import Api, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
CONNECTIONS = 4
REQUESTS = times_longer(20_000)
SLOW_CLIENTS = 20
MEMORY_GROWTH = 100e6
# No 500, which would be a fault of the api, and none of a proxy.
STATUSES = {
    200, 204, 206, 304, 307, 308, 400, 401, 403, 404, 405, 406, 413, 414, 415, 421, 429, 431, 503,
}  # fmt: skip


@dataclass
class Scene:
    """An api under attack, and its good readers."""

    simulator: SimulatorProcess
    api: Api
    streams: StoredBooks
    watches: dict[str, StreamWatch]

    def ask(self, request: bytes) -> bytes:
        """Send bytes on a new connection; return everything up to its end."""
        with socket.create_connection(("127.0.0.1", self.api.port)) as connection:
            connection.settimeout(30)
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return read_to_end(connection)


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    redis = module_stage.redis()
    simulator = module_stage.simulator(
        "--symbols", ",".join(SYMBOLS), "--rate", "100", "--control", "0"
    )
    module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = module_stage.api(redis.url, LOG_LEVEL="debug", API_CORS_ORIGINS="https://app.example.com")
    api.wait_until_live(*SYMBOLS)
    streams = StoredBooks(redis.url)
    module_stage.undo(streams.close)
    watches = {symbol: api.watch(symbol) for symbol in SYMBOLS}
    for watch in watches.values():
        module_stage.undo(watch.leave)
    return Scene(simulator, api, streams, watches)


def test_hostile_requests_get_no_500_and_harm_no_reader(scene: Scene) -> None:
    before = scene.api.memory()
    makers = [RequestMaker(seed) for seed in range(CONNECTIONS)]
    with SlowClients(scene.api.port, SLOW_CLIENTS):
        statuses = Attack(scene.api.port, REQUESTS // CONNECTIONS, makers).run()
    assert sum(statuses.values()) > 0.95 * REQUESTS
    assert set(statuses) <= STATUSES, statuses
    assert {200, 400, 404, 405, 431} <= set(statuses), "the requests reach every part"
    assert scene.api.memory() - before < MEMORY_GROWTH


@pytest.mark.parametrize("shape", SMUGGLING)
def test_hidden_second_request_is_never_answered(scene: Scene, shape: str) -> None:
    answer = scene.ask(SMUGGLING[shape])
    assert len(statuses_of(answer)) <= 1
    assert set(statuses_of(answer)) <= STATUSES


def test_every_event_of_good_readers_arrives_verified(scene: Scene) -> None:
    for symbol in SYMBOLS:
        scene.simulator.fault(f"silence?symbol={symbol}&seconds=600")
    for symbol, watch in scene.watches.items():
        # The ladder has checked the checksum and the seq of each event.
        wait_until(
            lambda symbol=symbol, watch=watch: watch.ladder.seq == scene.streams.last_seq(symbol),  # type: ignore[misc]
            f"the reader of {symbol} has every event",
        )
        watch.check()
        counts = watch.ladder.counts
        assert counts.lagged == counts.jumps == counts.conflated == 0
        assert counts.updates > 100
        assert {event.get("status") for event in watch.events} <= {None, "live"}


def test_api_logs_no_error_of_its_own(scene: Scene) -> None:
    assert scene.api.process.poll() is None
    assert "Traceback" not in scene.api.log
    assert '"level": "error"' not in scene.api.log
    assert SMUGGLED.decode() not in scene.api.log
