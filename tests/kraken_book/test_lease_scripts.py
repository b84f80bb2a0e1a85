"""The scripts that lead: one owner at a time, and epochs that only rise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from kraken_book.contract.keys import lease_key
from kraken_book.contract.script import LEASE, RELEASE
from kraken_book.contract.write import Corrupt, parse_corruption
from lab.waiting import async_wait_for

KEY = lease_key("0/1")
LONG = 60_000


class Leases:
    def __init__(self, client: Redis) -> None:
        self.client = client

    def take(self, owner: str, seen: int = 0, milliseconds: int = LONG) -> tuple[bool, Any]:
        """Whether it is the owner's, and its epoch, or who has it."""
        ours, *told = self.reply(owner, seen, milliseconds)
        return bool(ours), told[0]

    def reply(self, owner: str, seen: int = 0, milliseconds: int = LONG) -> list[Any]:
        return cast(
            "list[Any]", self.client.eval(LEASE.text, 1, KEY, owner, str(milliseconds), str(seen))
        )

    def release(self, owner: str) -> None:
        self.client.eval(RELEASE.text, 1, KEY, owner)

    def now_ms(self) -> int:
        seconds, microseconds = self.client.time()
        return seconds * 1000 + microseconds // 1000


@pytest.fixture
def leases(redis_url: str) -> Iterator[Leases]:
    client: Redis = Redis.from_url(redis_url)
    yield Leases(client)
    client.close()


def test_a_free_lease_is_taken_with_redis_time_as_its_epoch(leases: Leases) -> None:
    before = leases.now_ms()
    ours, epoch = leases.take("one")
    assert ours
    assert before <= epoch <= leases.now_ms()


def test_who_holds_it_renews_it_under_the_same_epoch(leases: Leases) -> None:
    _, epoch = leases.take("one", milliseconds=5000)
    assert leases.take("one", milliseconds=LONG) == (True, epoch)
    assert leases.client.pttl(KEY) > 5000


def test_another_is_told_who_holds_it_and_does_not_prolong_it(leases: Leases) -> None:
    _, epoch = leases.take("host one:7:ab cd", milliseconds=5000)
    assert leases.reply("two", seen=10**15) == [0, b"host one:7:ab cd", epoch]
    assert leases.client.pttl(KEY) <= 5000


def test_who_has_seen_a_newer_epoch_than_its_own_is_given_one_newer_still(leases: Leases) -> None:
    _, epoch = leases.take("one")
    assert leases.take("one", seen=epoch) == (True, epoch)
    newer = epoch + 10**9
    assert leases.take("one", seen=newer) == (True, newer + 1)
    assert leases.take("one", seen=newer + 1) == (True, newer + 1)
    assert leases.take("one") == (True, newer + 1)


def test_an_epoch_of_the_past_that_was_seen_gives_redis_time(leases: Leases) -> None:
    before = leases.now_ms()
    assert leases.take("one", seen=5)[1] >= before


def test_a_lease_that_was_lost_has_a_newer_epoch_also_where_the_clock_has_gone_back(
    leases: Leases,
) -> None:
    # An epoch from before the clock went back is one of the future now.
    epoch = leases.take("one", seen=leases.now_ms() + 10**9)[1]
    leases.client.delete(KEY)
    assert leases.take("one", seen=epoch) == (True, epoch + 1)


async def test_an_expired_lease_is_another_s(leases: Leases) -> None:
    _, epoch = leases.take("one", milliseconds=30)
    ours, newer = await async_wait_for(lambda: (taken := leases.take("two"))[0] and taken)
    assert ours
    assert newer > epoch


def test_a_released_lease_is_free_at_once(leases: Leases) -> None:
    leases.take("one")
    leases.release("one")
    assert leases.take("two")[0]


def test_only_its_owner_releases_it(leases: Leases) -> None:
    leases.release("two")
    _, epoch = leases.take("one")
    leases.release("two")
    leases.release("")
    assert leases.take("two") == (False, b"one")
    assert leases.take("one") == (True, epoch)


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "release"]), st.sampled_from("ab"), st.integers(0, 3)),
        max_size=15,
    )
)
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_one_owner_at_a_time_whatever_is_asked(
    leases: Leases, asked: list[tuple[str, str, int]]
) -> None:
    leases.client.flushall()
    owner: str | None = None
    epoch = 0
    for verb, who, more in asked:
        if verb == "release":
            leases.release(who)
            owner = None if owner == who else owner
            continue
        seen = epoch + more if epoch else 0
        ours, value = leases.take(who, seen)
        assert ours == (owner in (None, who))
        if ours:
            assert value == epoch if (owner, seen) == (who, epoch) else value > seen
            owner, epoch = who, value
        else:
            assert value.decode() == owner


# What no leader leaves there


@pytest.mark.parametrize("value", ["", "garbage", "1e308 somebody", "-5 somebody", "5"])
def test_value_that_is_no_lease_is_replaced(leases: Leases, value: str) -> None:
    leases.client.set(KEY, value)
    before = leases.now_ms()
    ours, epoch, wrong = leases.reply("one")
    assert (ours, wrong) == (1, b"replaced")
    assert before <= epoch <= leases.now_ms()
    assert 0 < leases.client.pttl(KEY) <= LONG


@pytest.mark.parametrize("epoch", ["9" * 30, str(2**62), str(2**53)])
def test_epoch_that_cannot_be_is_not_told(leases: Leases, epoch: str) -> None:
    leases.client.set(KEY, f"{epoch} two", px=5000)
    assert leases.reply("one") == [0, b"two", 0]
    # Nor is it the owner's own, unless it has seen one as new.
    ours, given, wrong = leases.reply("two")
    assert (ours, wrong) == (1, b"replaced")
    assert given <= leases.now_ms()


@pytest.mark.parametrize("milliseconds", [None, 10**10])
def test_lease_that_does_not_end_is_given_an_end_and_stays_its_owners(
    leases: Leases, milliseconds: int | None
) -> None:
    leases.client.set(KEY, "5 two", px=milliseconds)
    assert leases.reply("one", milliseconds=5000) == [0, b"two", 5, b"endless"]
    assert 0 < leases.client.pttl(KEY) <= 5000
    assert leases.client.get(KEY) == b"5 two"
    assert leases.reply("one", milliseconds=5000) == [0, b"two", 5]


def test_who_only_looks_takes_nothing(leases: Leases) -> None:
    assert leases.reply("") == [0]
    assert leases.client.get(KEY) is None
    leases.client.set(KEY, "garbage")
    assert leases.reply("") == [0]
    assert leases.client.get(KEY) == b"garbage"


def test_lease_of_another_type_is_named_and_left(leases: Leases) -> None:
    leases.client.rpush(KEY, "somebody's")
    with pytest.raises(ResponseError) as refused:
        leases.take("one")
    assert parse_corruption(str(refused.value)) == Corrupt(KEY, "is no string")
    leases.release("one")
    assert leases.client.llen(KEY) == 1
