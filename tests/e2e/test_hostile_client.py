"""A hostile client: thousands of strange requests beside good readers, who must not notice it."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from lab.hostile.attack import Attack, read_to_end, statuses_of
from lab.hostile.requests import RequestMaker
from lab.hostile.shapes import HOST, SMUGGLED, SMUGGLING
from lab.hostile.slow import SlowClients
from lab.hostile.tokens import wrong_tokens
from lab.random_scripts import times_longer
from lab.services import Api, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from tests.e2e.key_scene import AUDIENCE, Secrets, key_settings, make_secrets

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
CONNECTIONS = 4
REQUESTS = times_longer(10_000)
SLOW_CLIENTS = 20
AT_ONCE = 50
MEMORY_GROWTH = 100e6
# No 500, which would be a fault of the api, and none of a proxy.
STATUSES = {
    200, 201, 204, 206, 304, 307, 308, 400, 401, 403, 404, 405, 406, 413, 414, 415, 421, 429, 431,
    503,
}  # fmt: skip

TICKET = re.compile(rb"kbt_[\w-]{43}")


@dataclass
class Scene:
    """An api under attack, and its good readers."""

    simulator: SimulatorProcess
    api: Api
    streams: StoredBooks
    watches: dict[str, StreamWatch]
    secrets: Secrets

    def ask(self, request: bytes) -> bytes:
        """Send bytes on a new connection; return everything up to its end."""
        with socket.create_connection(("127.0.0.1", self.api.port)) as connection:
            connection.settimeout(30)
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = read_to_end(connection)
        self.inspect(answer)
        return answer

    def status_of(self, target: str, credential: str | None = None, method: str = "GET") -> int:
        """Return the status of the answer to a request."""
        header = "" if credential is None else f"Authorization: Bearer {credential}\r\n"
        request = f"{method} {target} HTTP/1.1\r\n{HOST.decode()}{header}\r\n"
        (status,) = statuses_of(self.ask(request.encode("latin-1")))
        return status

    def new_ticket(self) -> str:
        """Return a ticket for the key."""
        request = (
            f"POST /tickets HTTP/1.1\r\n{HOST.decode()}Authorization: Bearer {self.secrets.key}"
        )
        found = TICKET.findall(self.ask(f"{request}\r\n\r\n".encode()))
        return str(found[0].decode())

    def inspect(self, answer: bytes) -> None:
        """Assert that an answer shows no secret, and note the tickets that it issues."""
        for each in self.secrets.leaked_in(text := answer.decode("latin-1")):
            raise AssertionError(f"leaked: …{text.partition(each)[0][-500:]}")
        self.secrets.tickets.update(each.decode() for each in TICKET.findall(answer))


@pytest.fixture(scope="module")
def scene(module_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    redis = module_stage.redis()
    simulator = module_stage.simulator(
        "--symbols", ",".join(SYMBOLS), "--rate", "100", "--control", "0"
    )
    collector = module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    known = make_secrets()
    api = module_stage.api(
        redis.url,
        LOG_LEVEL="debug",
        API_CORS_ORIGINS="https://app.example.com",
        # Requests and streams are counted, but nobody is refused.
        API_LIMIT_REQUESTS="100000000",
        API_LIMIT_STREAMS="100000",
        API_LIMIT_RESUMES="100000000",
        **key_settings(known, tmp_path_factory.mktemp("keys")),
    )
    collector.wait_until_live(len(SYMBOLS))
    streams = StoredBooks(redis.url)
    module_stage.undo(streams.close)
    watches = {symbol: api.watch(symbol, Authorization=f"Bearer {known.key}") for symbol in SYMBOLS}
    for watch in watches.values():
        module_stage.undo(watch.leave)
    return Scene(simulator, api, streams, watches, known)


# Ten thousand requests take five seconds of CPU, which a busy machine may not have in two minutes.
@pytest.mark.timeout(400)
def test_hostile_requests_get_no_500_and_harm_no_reader(scene: Scene) -> None:
    before = scene.api.memory()
    known = scene.secrets
    wrong = list(wrong_tokens(known.jwt_secret, AUDIENCE).values())
    credentials = [*wrong, *[known.key, known.token] * len(wrong), "kb_guess", "kbt_guess"]
    makers = [RequestMaker(seed, credentials) for seed in range(CONNECTIONS)]
    with SlowClients(scene.api.port, SLOW_CLIENTS):
        attack = Attack(scene.api.port, REQUESTS // CONNECTIONS, makers, scene.inspect)
        statuses = attack.run()
    assert sum(statuses.values()) > 0.95 * REQUESTS
    assert set(statuses) <= STATUSES, statuses
    assert {200, 201, 400, 401, 404, 405, 431} <= set(statuses), "the requests reach every part"
    assert scene.api.memory() - before < MEMORY_GROWTH


@pytest.mark.parametrize("shape", SMUGGLING)
def test_hidden_second_request_is_never_answered(scene: Scene, shape: str) -> None:
    statuses = statuses_of(scene.ask(SMUGGLING[shape]))
    assert len(statuses) <= 1
    assert set(statuses) <= STATUSES - {200}


def test_token_of_every_wrong_kind_is_refused(scene: Scene) -> None:
    assert scene.status_of("/depth/BTC-USD", scene.secrets.token) == 200
    wrong = wrong_tokens(scene.secrets.jwt_secret, AUDIENCE)
    statuses = {what: scene.status_of("/depth/BTC-USD", token) for what, token in wrong.items()}
    assert {what: status for what, status in statuses.items() if status != 401} == {}


def test_key_is_accepted_in_the_header_alone(scene: Scene) -> None:
    key = scene.secrets.key
    assert scene.status_of("/books", key) == 200
    for target in (f"/books?key={key}", f"/stream?symbols=*&ticket={key}", f"/books?ticket={key}"):
        assert scene.status_of(target) == 401


def test_ticket_opens_one_stream_however_often_it_is_sent(scene: Scene) -> None:
    targets = [f"/stream/BTC-USD?ticket={scene.new_ticket()}" for _ in range(2)]
    assert [scene.status_of(targets[0]) for _ in range(3)] == [200, 401, 401]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(scene.status_of, [targets[1]] * AT_ONCE))
    assert sorted(statuses) == [200, *[401] * (AT_ONCE - 1)]


def test_every_event_of_good_readers_arrives_verified(scene: Scene) -> None:
    for symbol, watch in scene.watches.items():
        wait_until(
            lambda watch=watch: watch.ladder.counts.updates > 100,  # type: ignore[misc]
            f"the reader of {symbol} has many events",
        )
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
        assert {event.get("status") for event in watch.events} <= {None, "live"}


def test_api_logs_no_error_of_its_own_and_no_secret(scene: Scene) -> None:
    assert scene.api.process.poll() is None
    log = scene.api.log
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    assert '"level": "debug"' in log
    assert SMUGGLED.decode() not in log
    assert scene.secrets.leaked_in(log) == []
    assert len(scene.secrets.tickets) >= 3
    assert [each for each in scene.secrets.tickets if each in log] == []
