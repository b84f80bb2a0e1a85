"""The users of deploy/redis-acl.conf can do what the services do, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest
from redis import Redis

from lab.redis_fleet import Fleet, RedisServer, command
from lab.redis_uses import CLOSED, RedisUses
from lab.services import Api
from lab.sse.client_reader import ClientReader
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.key_scene import key_settings, make_secrets
from tests.e2e.test_redis_access import ACL, acl_for_tests, as_users

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
# Only a cluster needs these: test_deployed_acl_users_work_in_cluster and the tests of slots.
OF_CLUSTER = {"asking", "cluster|slots"}
# Every user may greet the server.
ALWAYS = {"hello"}
# redis-py tells its name to Redis 7.2 and newer, and does not mind a refusal.
NOT_NEEDED = {"client|setinfo"}


class Observed(NamedTuple):
    """What the services did as the users of the ACL, and what Redis refused them."""

    server: RedisServer
    uses: RedisUses
    refused: list[dict[str, str]]


def granted(user: str) -> tuple[set[str], set[str]]:
    """Return the commands and the key patterns of a user in the file."""
    (line,) = re.findall(rf"^user {user} (.+)$", ACL.read_text(), re.MULTILINE)
    rules = line.split()
    commands = {rule[1:] for rule in rules if rule.startswith("+")}
    keys = {rule for rule in rules if "~" in rule}
    assert set(rules) - {f"+{each}" for each in commands} - keys == {
        "on", "resetchannels", "-@all", *(rule for rule in rules if rule.startswith(">")),
    }  # fmt: skip
    return commands, keys


@pytest.fixture(scope="module")
def observed(module_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """Return what all services did in a scene with everything that they do with Redis."""
    folder = tmp_path_factory.mktemp("redis")
    server = module_stage.enter(Fleet(folder)).server("redis")
    server.start(acl_for_tests(folder))
    secrets = make_secrets()
    settings = key_settings(secrets, folder)
    with RedisUses(server.url) as uses:
        play(module_stage, server, secrets.key, settings)
    refused: Any = server.client.acl_log()
    return Observed(server, uses, refused)


def play(stage: Stage, server: RedisServer, key: str, settings: Mapping[str, str]) -> None:
    """Do everything that services do with one Redis.

    Args:
        stage: Starts the services.
        server: The Redis.
        key: A key of the api.
        settings: The settings of an api with keys.
    """
    # Database 1, so that they need SELECT.
    url = f"{server.url.removesuffix('/0')}/1"
    collector_url, api_url = as_users(url)
    books = stage.enter(closing(Redis.from_url(url)))
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "100")
    collector = stage.collector(collector_url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(api_url)
    api.wait_until_live(*SYMBOLS)
    for path in ("/books", "/symbols", "/depth/BTC-USD", "/readyz", "/status"):
        api.answers(path)
    watch = api.watch("BTC/USD")
    watch.wait_for_seq(watch.ladder.seq + 20)
    first = next(each for each in watch.ids if each)
    watch.leave()
    reader = stage.enter(ClientReader(api.url, *SYMBOLS))
    for symbol in SYMBOLS:
        reader.wait_until_live(symbol, after=20)
    # A standby, another leader, and a collector that removes the book of an earlier setting.
    standby = stage.collector(collector_url, simulator.url, KRAKEN_SYMBOLS="BTC/USD,ETH/USD")
    standby.wait_for_line("another collector leads this shard, waiting")
    # Another program appends an entry with a higher id, and one that is too far ahead.
    disturb(books, "BTC/USD", 60_000)
    disturb(books, "ETH/USD", 10**12)
    collector.stop()
    standby.wait_for_line("symbol not followed any more, removing its book")
    wait_until(lambda: not books.exists("kraken:book:{SOL/USD}"), "its book is removed")
    # A new replica reads from Redis what it does not have in memory.
    # It needs keys, issues and redeems tickets, and counts requests and streams.
    other = stage.api(api_url, **settings, API_LIMIT_REQUESTS="1000", API_LIMIT_STREAMS="9")
    authorization = {"Authorization": f"Bearer {key}"}
    with closing(other.stream("BTC/USD", Last_Event_ID=first, **authorization)) as stream:
        read_until(stream, "update")
    ticket = other.http.post("/tickets", headers=authorization).json()["ticket"]
    with closing(SseStream(other.url, f"/stream/ETH-USD?ticket={ticket}", {})) as stream:
        read_until(stream, "snapshot")
    count_requests_of_two_windows(books, other, key)
    # At its end it says that its streams have ended.
    other.stop()


def count_requests_of_two_windows(books: Redis, api: Api, key: str) -> None:
    """Ask until the counter of a window has become that of the previous one."""

    def counters() -> list[bytes]:
        return list(books.scan_iter("kraken-book:limits:*", _type="string"))

    def is_next_window() -> bool:
        api.get("/symbols", headers={"Authorization": f"Bearer {key}"})
        return len(counters()) > len(first)

    first = counters()
    for counter in first:
        # A counter lives for two windows. So the window of one that lives for less is over.
        books.pexpire(counter, 20_000)
    wait_until(is_next_window, "there is a counter of the next window")


def read_until(stream: SseStream, kind: str) -> None:
    """Return when the stream has sent an event of a kind."""
    while (message := stream.next()) is not None:
        if message.data and message.event["kind"] == kind:
            return
    raise AssertionError(f"the stream ended without {kind}")


def disturb(books: Redis, symbol: str, milliseconds: int) -> None:
    """Append an entry with an id of the future; return when the collector has written after it."""
    stream, (seconds, _) = f"kraken:events:{{{symbol}}}", books.time()
    strange = f"{seconds * 1000 + milliseconds}-1"
    books.xadd(stream, {"x": "1"}, id=strange)

    def is_followed() -> bool:
        newest: Any = books.xrevrange(stream, count=1)
        return bool(newest[0][0] != strange.encode())

    wait_until(is_followed, f"{symbol} has an event after {strange}")


@pytest.mark.parametrize("user", ["collector", "api"])
def test_user_may_call_exactly_the_commands_that_its_service_calls(
    observed: Observed, user: str
) -> None:
    commands, _ = granted(user)
    used = observed.uses.commands[user] - ALWAYS
    assert used - commands == set()
    # On a busy machine a call may exceed its time limit, so that its connection is closed at once.
    assert commands - OF_CLUSTER - used <= observed.uses.commands[CLOSED]


@pytest.mark.parametrize("user", ["collector", "api"])
def test_user_may_reach_exactly_the_keys_that_its_service_uses(
    observed: Observed, user: str
) -> None:
    patterns = {each.partition("~")[2] for each in granted(user)[1]}
    matching = {
        key: {each for each in patterns if fnmatchcase(key, each)}
        for key in observed.uses.keys[user]
    }
    assert [key for key, found in matching.items() if not found] == []
    unused = patterns - set().union(*matching.values())
    closed = observed.uses.keys[CLOSED]
    assert [each for each in unused if not any(fnmatchcase(key, each) for key in closed)] == []


@pytest.mark.parametrize("key", ["kraken:symbols", "kraken:wake", "kraken:book:{BTC/USD}"])
def test_api_may_write_no_book(observed: Observed, key: str) -> None:
    for call in (("SET", key, "x"), ("GETDEL", key)):
        answer = command(observed.server, "ACL", "DRYRUN", "api", *call)
        assert "no permissions" in str(answer), (call, answer)


def test_nothing_that_services_do_is_refused(observed: Observed) -> None:
    refused = {(each["username"], each["object"]) for each in observed.refused}
    assert {each for each in refused if each[1] not in NOT_NEEDED} == set()
