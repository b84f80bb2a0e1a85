"""Readers join and resume at any moment, on any replica, while Redis and collectors fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from lab.ladder import Ladder
from lab.ports import free_port
from lab.services import Api, Collector
from lab.sse.roaming import Published, RoamingReader
from lab.sse.stream import SseStream, stream_path
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOLS = ("BTC/USD", "ETH/USD")
READERS = 16
# Less than the events of a symbol in one second.
KEPT = 100


@dataclass
class Scene:
    """Fast books with short streams, a pair of collectors, and two replicas."""

    redis: EmbeddedRedis
    collectors: list[Collector]
    replicas: list[Api]
    streams: StoredBooks


@pytest.fixture
def scene(stage: Stage) -> Iterator[Scene]:
    redis = stage.redis(free_port())
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "600")
    collectors = [
        stage.collector(
            redis.url,
            simulator.url,
            KRAKEN_SYMBOLS=",".join(SYMBOLS),
            COLLECTOR_LEASE="1",
            STREAM_MAXLEN=str(KEPT),
            STREAM_RETENTION="1",
        )
        for _ in range(2)
    ]
    replicas = [stage.api(redis.url) for _ in range(2)]
    for collector in collectors:
        collector.wait_until_live(len(SYMBOLS))
    for replica in replicas:
        replica.wait_until_live(*SYMBOLS)
    streams = StoredBooks(redis.url)
    yield Scene(redis, collectors, replicas, streams)
    streams.close()


class Crowd:
    """Readers that join and leave while services fail."""

    def __init__(self, scene: Scene) -> None:
        urls = [replica.url for replica in scene.replicas]
        published = Published()
        self._readers = [
            RoamingReader(urls, SYMBOLS[seed % len(SYMBOLS)], seed, published)
            for seed in range(READERS)
        ]

    def __enter__(self) -> Crowd:
        with ExitStack() as undo:
            for reader in self._readers:
                undo.enter_context(reader)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def check(self) -> Counter[str]:
        """Return the counts of what the readers met; raise AssertionError if one met an error."""
        wrong = [reader.error for reader in self._readers if reader.error]
        assert wrong == []
        return sum((reader.met for reader in self._readers), Counter[str]())

    def flow(self, **more: int) -> None:
        """Return when the readers met at least so many more of each kind."""
        names = {name.replace("_", " "): count for name, count in more.items()}
        before = self.check()

        def met() -> bool:
            now = self.check()
            return all(now[name] - before[name] >= names[name] for name in names)

        wait_until(met, f"{names} more than {before}")


def test_roaming_readers_account_for_every_event(scene: Scene) -> None:
    leader, second = scene.collectors
    if leader.metric("kraken_book_leading") != 1:
        leader, second = second, leader
    with Crowd(scene) as crowd:
        # After a second, the last event of a reader is no longer in the stream.
        crowd.flow(fresh=20, resumed=100, lagged_unknown=5)
        leader.kill()
        second.wait_for_line("leading")
        crowd.flow(fresh=10, resumed=60)
        scene.redis.kill()
        crowd.flow(unserved=5)
        scene.redis.start()
        for replica in scene.replicas:
            replica.wait_until_live(*SYMBOLS)
        crowd.flow(fresh=20, resumed=100, lagged_unknown=5)
    crowd.check()


def read(stream: SseStream, ladder: Ladder, count: int) -> list[str]:
    """Apply events to the ladder; return the ids of the first `count` numbered ones."""
    ids: list[str] = []
    for event_id, event in stream.events():
        ladder.take(event)
        if event_id is not None:
            ids.append(event_id)
        if len(ids) == count:
            return ids
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("whose", ["trimmed", "another symbol's", "of the future"])
@pytest.mark.parametrize("how", ["header", "parameter"])
def test_foreign_event_id_sends_lagged_then_snapshot(
    quiet: tuple[Api, StoredBooks], whose: str, how: str
) -> None:
    api, streams = quiet
    first, second = SYMBOLS
    given = {
        "trimmed": "1785638131660-1",
        "another symbol's": streams.last_id(second),
        "of the future": "999999999999999-999999999",
    }[whose]
    path, headers = stream_path(first), {"Last-Event-ID": given}
    if how == "parameter":
        path, headers = f"{path}?last_event_id={given}", {}
    before = api.metric("kraken_book_resumed_total", **{"from": "nothing"})
    with SseStream(api.url, path, headers) as stream:
        events = stream.events()
        event_id, lagged = next(events)
        assert event_id is None
        assert lagged == {"symbol": first, "kind": "lagged", "missed": None, "reason": "unknown"}
        ladder = Ladder(first)
        ladder.take(lagged)
        event_id, snapshot = next(events)
        assert snapshot["kind"] == "snapshot"
        assert event_id is not None
        ladder.take(snapshot)
        read(stream, ladder, 20)
    assert api.metric("kraken_book_resumed_total", **{"from": "nothing"}) == before + 1


def test_last_event_id_header_wins_over_parameter(
    quiet: tuple[Api, StoredBooks],
) -> None:
    """A browser reconnects to its first address, with the old parameter."""
    api, streams = quiet
    (symbol, _) = SYMBOLS
    streams.wait_for_seq(symbol, 60)
    entries = streams.entries(symbol)
    old, new = entries[0][0], entries[40][0]
    path = f"{stream_path(symbol)}?last_event_id={old}"
    with SseStream(api.url, path, {"Last-Event-ID": new}) as stream:
        event_id, _ = next(stream.events())
    assert event_id == entries[41][0]


@pytest.fixture(scope="module")
def quiet(module_stage: Stage) -> Iterator[tuple[Api, StoredBooks]]:
    """Start a replica over slower books with whole streams."""
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "300")
    module_stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), STREAM_MAXLEN="1000000"
    )
    api = module_stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    streams = StoredBooks(redis.url)
    yield api, streams
    streams.close()
