"""Limits at two replicas: shared, freed after a kill, and per replica while their Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.ports import free_port
from lab.services import Api
from lab.sse.stream import SseStream, StreamRefusedError, stream_path
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from lab.written_books import snapshot, update
from launcher.embedded_redis import EmbeddedRedis
from runtime.redis.client import connect_redis
from tests.api.replica import EPOCH, Written

REQUESTS, STREAMS, RESUMES, DENIALS = 40, 2, 1, 8
SYMBOL = "BTC/USD"
# More than a ring keeps in memory.
PAST_EVENTS = 4500
BATCH = 500
LIMITS = {
    "API_LIMIT_REQUESTS": str(REQUESTS),
    "API_LIMIT_STREAMS": str(STREAMS),
    "API_LIMIT_RESUMES": str(RESUMES),
    "API_TRUSTED_PROXIES": "127.0.0.1",
    "API_MAX_AGE": "3600",
}


async def write_past(redis_url: str) -> None:
    """Write a book with many events, as a collector does."""
    redis = connect_redis(redis_url)
    written = Written(redis)
    await written.symbol(SYMBOL)
    await written.book(EPOCH, snapshot(1))
    for first in range(2, PAST_EVENTS, BATCH):
        await written.book(EPOCH, *(update(seq) for seq in range(first, first + BATCH)))
    await redis.aclose()


class LimitScene:
    """Two replicas over one book with a long past, with a Redis of their own for the limits."""

    def __init__(self, stage: Stage) -> None:
        redis = stage.redis()
        self.counters = EmbeddedRedis(free_port())
        stage.enter(self.counters)
        self.redis_url = redis.url
        asyncio.run(write_past(redis.url))
        stored = StoredBooks(redis.url)
        stage.undo(stored.close)
        self.first_id = stored.first_id(SYMBOL)
        self.replicas = [
            stage.api(
                redis.url,
                module="lab.patient_api",
                API_ACCESS_REDIS_URL=self.counters.url,
                **LIMITS,
            )
            for _ in range(2)
        ]

    def statuses(self, client: str, requests: int, replicas: list[Api]) -> list[int]:
        """Send requests of one address to the replicas in turn; return the statuses."""
        headers = {"X-Forwarded-For": client}
        return [
            replicas[number % len(replicas)].get("/symbols", headers=headers).status_code
            for number in range(requests)
        ]


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> LimitScene:
    return LimitScene(module_stage)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as streams:
        yield streams


def open_stream(streams: ExitStack, api: Api, client: str, **headers: str) -> SseStream:
    """Open a stream of an address, to be closed with the test."""
    named = {"X-Forwarded-For": client, **{k.replace("_", "-"): v for k, v in headers.items()}}
    stream = SseStream(api.url, stream_path(SYMBOL), named)
    streams.callback(stream.close)
    return stream


def refusal(streams: ExitStack, api: Api, client: str, **headers: str) -> StreamRefusedError | None:
    """Return the refusal of another stream, None if it opens; then it is closed again."""
    try:
        open_stream(streams, api, client, **headers).close()
    except StreamRefusedError as error:
        return error
    return None


def test_two_replicas_share_the_limit_of_requests(scene: LimitScene) -> None:
    statuses = scene.statuses("198.51.100.1", REQUESTS + 8, scene.replicas)
    assert set(statuses) == {200, 429}
    # Each replica may hold permits that it has not given out: a twentieth of the limit.
    assert REQUESTS - 4 <= statuses.count(200) <= REQUESTS
    assert scene.statuses("198.51.100.2", 1, scene.replicas) == [200]


def test_resume_from_far_back_is_limited_and_others_are_not(
    scene: LimitScene, opened: ExitStack
) -> None:
    one, other = scene.replicas
    client = "198.51.100.3"
    open_stream(opened, one, client, Last_Event_ID=scene.first_id)
    error = refusal(opened, other, client, Last_Event_ID=scene.first_id)
    assert error is not None
    assert error.status == 429
    assert b"too-many-resumes" in error.body
    open_stream(opened, other, client)


def test_streams_are_limited_together_and_free_after_a_kill(
    scene: LimitScene, opened: ExitStack
) -> None:
    one, other = scene.replicas
    client = "198.51.100.4"
    for _ in range(STREAMS):
        open_stream(opened, one, client)
    error = refusal(opened, other, client)
    assert error is not None
    assert error.status == 429
    assert b"too-many-streams" in error.body
    assert error.headers["retry-after"]
    one.kill()
    with Redis.from_url(scene.counters.url) as counters:
        # Refused streams count as requests, so this does not ask for streams.
        places = "kraken-book:limits:streams:*"
        wait_until(lambda: not counters.keys(places), "the places of the killed are free")
    assert refusal(opened, other, client) is None
    one.restart()
    one.answers("/healthz")


def test_guesses_of_keys_are_limited_at_all_replicas_and_harm_no_reader(
    stage: Stage, scene: LimitScene, tmp_path: Path
) -> None:
    keys = {name: f"kb_{name}" for name in ("reader", "newcomer")}
    file = tmp_path / "keys.json"
    file.write_bytes(
        render_key_file([AccessKey(name, digest_of(key)) for name, key in keys.items()])
    )
    replicas = [
        stage.api(
            scene.redis_url,
            module="lab.patient_api",
            API_ACCESS_REDIS_URL=scene.counters.url,
            API_KEYS_FILE=str(file),
            API_LIMIT_DENIALS=str(DENIALS),
            API_TRUSTED_PROXIES="127.0.0.1",
            API_MAX_AGE="3600",
        )
        for _ in range(2)
    ]

    def ask(api: Api, key: str, client: str = "198.51.100.7") -> int:
        headers = {"X-Forwarded-For": client, "Authorization": f"Bearer {key}"}
        return api.get("/symbols", headers=headers).status_code

    assert [ask(api, keys["reader"]) for api in replicas] == [200, 200]
    statuses = [ask(replicas[number % 2], f"kb_{number}") for number in range(DENIALS + 6)]
    assert statuses == [401] * DENIALS + [429] * 6
    assert [ask(api, keys["newcomer"]) for api in replicas] == [429, 429]
    assert [ask(api, keys["reader"]) for api in replicas] == [200, 200]
    assert ask(replicas[0], keys["newcomer"], "198.51.100.8") == 200
    with Redis.from_url(scene.counters.url, decode_responses=True) as counters:
        found = " ".join(counters.scan_iter("*denials*"))
    assert "198.51.100" not in found
    assert found.startswith("kraken-book:limits:")


def test_without_their_redis_replicas_limit_alone_until_it_is_back(scene: LimitScene) -> None:
    scene.counters.freeze()
    try:
        for number, replica in enumerate(scene.replicas):
            statuses = scene.statuses("198.51.100.5", REQUESTS + 8, [replica])
            assert statuses.count(200) == REQUESTS, number
            assert replica.metric("kraken_book_limits_shared") == 0
            # Once more if this machine is so busy that Redis answers late.
            assert replica.log.count("limits per replica") >= 1
    finally:
        scene.counters.resume()
    for replica in scene.replicas:
        replica.wait_for_line("limits shared again")
    statuses = scene.statuses("198.51.100.6", REQUESTS + 8, scene.replicas)
    assert REQUESTS - 4 <= statuses.count(200) <= REQUESTS
