"""Addresses that are denied too often: guesses of keys, and who else is behind the address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from api.access.authenticator import Authenticator
from api.access.limiter import Limiter
from api.http.proxies import TrustedProxies
from api.http.routes import Site
from api.http.web_settings import CorsOrigins
from kraken_book.access_keys import KeyLimits
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.access.replicas import DEADLINE, FaultyNodes
from tests.api.access.written_keys import bearer, token
from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica

DENIALS = 3
PREFLIGHT = {"Access-Control-Request-Headers": "authorization"}
GUESSER, OTHER = "198.51.100.1", "198.51.100.2"

pytestmark = pytest.mark.usefixtures("two_books")


def guarded(
    redis: RedisNode,
    authenticator: Authenticator,
    denials: int | None = DENIALS,
    requests: int | None = None,
) -> tuple[Replica, FaultyNodes]:
    """Return a replica that limits denials, and the Redis of its limits."""
    nodes = FaultyNodes(redis)
    limits = KeyLimits(requests=requests)
    limiter = Limiter(limits, nodes, denials=denials, deadline=DEADLINE, late_seconds=0.0)
    site = Site(proxies=TrustedProxies.parse("127.0.0.1"))
    return Replica(redis, authenticator=authenticator, limiter=limiter, site=site), nodes


@pytest.fixture
def replica(redis: RedisNode, authenticator: Authenticator) -> Replica:
    return guarded(redis, authenticator)[0]


@pytest.fixture
async def other_replica(
    redis: RedisNode, authenticator: Authenticator
) -> AsyncIterator[httpx.AsyncClient]:
    async with guarded(redis, authenticator)[0].client() as client:
        yield client


async def ask(
    client: httpx.AsyncClient, key: str | None, address: str = GUESSER, path: str = "/symbols"
) -> httpx.Response:
    headers = {} if key is None else bearer(key)
    return await client.get(path, headers={**headers, "X-Forwarded-For": address})


async def guess(client: httpx.AsyncClient, times: int = DENIALS) -> list[int]:
    """Send wrong keys, and return the statuses."""
    return [(await ask(client, f"kb_guess{number}")).status_code for number in range(times)]


async def test_guesser_gets_429_for_the_right_key_too(client: httpx.AsyncClient) -> None:
    assert await guess(client) == [401, 401, 401]
    wrong, right = await ask(client, "kb_guess"), await ask(client, "kb_all")
    for answer in (wrong, right):
        body = assert_problem(answer, 429, "too-many-denials")
        assert (body["limit"], body["allowed"]) == ("denials", DENIALS)
        assert "3 requests a minute without a valid key" in body["detail"]
        assert answer.headers["retry-after"] == str(body["retry_after"])
        assert answer.headers["ratelimit-policy"] == '"denials";q=3;w=60'
        assert "www-authenticate" not in answer.headers
    assert set(wrong.headers) == set(right.headers)


@pytest.mark.parametrize("credential", ["kb_old", "no key", "a.b.c", token(aud="others"), None])
async def test_each_kind_of_401_is_counted(
    client: httpx.AsyncClient, credential: str | None
) -> None:
    statuses = [(await ask(client, credential)).status_code for _ in range(DENIALS + 1)]
    assert statuses == [401, 401, 401, 429]


async def test_other_addresses_may_still_try(client: httpx.AsyncClient) -> None:
    await guess(client, DENIALS + 5)
    assert (await ask(client, "kb_all", OTHER)).status_code == 200
    assert (await ask(client, "kb_wrong", OTHER)).status_code == 401


@pytest.mark.parametrize("credential", ["kb_all", token()])
async def test_guesses_do_not_lock_out_who_reads_from_the_same_address(
    client: httpx.AsyncClient, credential: str
) -> None:
    assert (await ask(client, credential)).status_code == 200
    assert set(await guess(client, DENIALS + 5)) == {401, 429}
    assert (await ask(client, credential)).status_code == 200
    # From elsewhere it is not known to be valid, so it may not be tried there.
    for _ in range(DENIALS):
        await ask(client, "kb_wrong", OTHER)
    assert (await ask(client, credential, OTHER)).status_code == 429


async def test_guesses_at_two_replicas_are_limited_together(
    client: httpx.AsyncClient, other_replica: httpx.AsyncClient
) -> None:
    assert await guess(client) == [401, 401, 401]
    # It learns of them with the first wrong key.
    assert await guess(other_replica) == [429, 429, 429]
    assert (await ask(other_replica, "kb_all")).status_code == 429


async def test_simultaneous_guesses_are_no_more_than_allowed(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(ask(client, f"kb_guess{number}") for number in range(50)))
    assert [each.status_code for each in answers].count(401) == DENIALS


async def test_ticket_opens_its_stream_although_its_address_guesses(
    client: httpx.AsyncClient,
) -> None:
    headers = {**bearer("kb_all"), "X-Forwarded-For": OTHER}
    ticket = (await client.post("/tickets", headers=headers)).json()["ticket"]
    await guess(client, DENIALS + 1)
    path = "/stream/BTC/USD?ticket="
    from_there = {"X-Forwarded-For": GUESSER}
    assert (await client.head(path + ticket, headers=from_there)).status_code == 200
    # It is used up now.
    assert (await client.head(path + ticket, headers=from_there)).status_code == 429


async def test_valid_keys_never_wait_for_the_redis_of_limits(
    redis: RedisNode, authenticator: Authenticator
) -> None:
    replica, nodes = guarded(redis, authenticator)
    async with replica.client() as client:
        for _ in range(5):
            assert (await ask(client, "kb_all")).status_code == 200
        assert nodes.calls == 0
        await guess(client, 1)
        assert nodes.calls > 0


async def test_without_limits_wrong_keys_are_denied_and_not_counted(
    redis: RedisNode, authenticator: Authenticator
) -> None:
    replica, nodes = guarded(redis, authenticator, None)
    async with replica.client() as client:
        assert set(await guess(client, 50)) == {401}
    assert nodes.calls == 0


async def test_public_paths_do_not_end_with_the_guesses(client: httpx.AsyncClient) -> None:
    await guess(client, DENIALS + 1)
    for path in ("/", "/healthz", "/kraken-book.js"):
        assert (await ask(client, None, path=path)).status_code == 200


async def test_forbidden_metrics_count_as_requests_of_their_key(
    redis: RedisNode, authenticator: Authenticator
) -> None:
    replica, _ = guarded(redis, authenticator, requests=2)
    async with replica.client() as client:
        answers = [await ask(client, "kb_btc", path="/metrics") for _ in range(3)]
    assert [each.status_code for each in answers] == [403, 403, 429]


async def test_page_of_another_origin_can_read_every_refusal(
    redis: RedisNode, authenticator: Authenticator
) -> None:
    origin = "https://app.example.com"
    limiter = Limiter(KeyLimits(requests=1), OneNode(redis), denials=1, deadline=DEADLINE)
    site = Site(origins=CorsOrigins.parse(origin))
    replica = Replica(redis, authenticator=authenticator, limiter=limiter, site=site)
    async with replica.client() as client:
        client.headers["Origin"] = origin
        answers = [
            await client.get("/symbols", headers=bearer(key))
            for key in ("kb_btc", "kb_btc", "kb_wrong", "kb_wrong")
        ]
        asked = {"Access-Control-Request-Method": "GET", **PREFLIGHT}
        preflight = await client.options("/symbols", headers=asked)
    assert [each.status_code for each in answers] == [200, 429, 401, 429]
    for answer in [*answers, preflight]:
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
    for answer in answers:
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= set(exposed)
    # A preflight carries no key; it is neither denied nor limited.
    assert preflight.status_code == 200
