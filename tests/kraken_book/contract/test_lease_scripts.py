"""The scripts of the lease: one owner at a time, and rising epochs."""

from __future__ import annotations

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
    """The lease of one shard."""

    def __init__(self, client: Redis) -> None:
        self.client = client

    def acquire(self, owner: str, seen: int = 0, milliseconds: int = LONG) -> tuple[bool, Any]:
        """Return whether `owner` has the lease, and its epoch or else its owner."""
        is_owner, *details = self.reply(owner, seen, milliseconds)
        return bool(is_owner), details[0]

    def reply(self, owner: str, seen: int = 0, milliseconds: int = LONG) -> list[Any]:
        """Return the reply of the script."""
        return cast(
            "list[Any]", self.client.eval(LEASE.text, 1, KEY, owner, str(milliseconds), str(seen))
        )

    def release(self, owner: str) -> None:
        self.client.eval(RELEASE.text, 1, KEY, owner)

    def now_ms(self) -> int:
        seconds, microseconds = self.client.time()
        return seconds * 1000 + microseconds // 1000


@pytest.fixture
def leases(client: Redis) -> Leases:
    return Leases(client)


def test_free_lease_is_acquired_with_redis_time_as_epoch(leases: Leases) -> None:
    before = leases.now_ms()
    is_owner, epoch = leases.acquire("one")
    assert is_owner
    assert before <= epoch <= leases.now_ms()


def test_owner_renews_the_lease_with_the_same_epoch(leases: Leases) -> None:
    _, epoch = leases.acquire("one", milliseconds=5000)
    assert leases.acquire("one", milliseconds=LONG) == (True, epoch)
    assert leases.client.pttl(KEY) > 5000


def test_other_caller_gets_the_owner_and_does_not_extend_the_lease(leases: Leases) -> None:
    _, epoch = leases.acquire("host one:7:ab cd", milliseconds=5000)
    assert leases.reply("two", seen=10**15) == [0, b"host one:7:ab cd", epoch]
    assert leases.client.pttl(KEY) <= 5000


def test_owner_that_has_seen_a_newer_epoch_gets_a_newer_one(leases: Leases) -> None:
    _, epoch = leases.acquire("one")
    assert leases.acquire("one", seen=epoch) == (True, epoch)
    newer = epoch + 10**9
    assert leases.acquire("one", seen=newer) == (True, newer + 1)
    assert leases.acquire("one", seen=newer + 1) == (True, newer + 1)
    assert leases.acquire("one") == (True, newer + 1)


def test_epoch_is_redis_time_if_only_an_old_epoch_was_seen(leases: Leases) -> None:
    before = leases.now_ms()
    assert leases.acquire("one", seen=5)[1] >= before


def test_lost_lease_gets_a_newer_epoch_after_the_clock_was_set_back(
    leases: Leases,
) -> None:
    # After the clock was set back, an older epoch is in the future.
    epoch = leases.acquire("one", seen=leases.now_ms() + 10**9)[1]
    leases.client.delete(KEY)
    assert leases.acquire("one", seen=epoch) == (True, epoch + 1)


async def test_expired_lease_can_be_acquired_by_another(leases: Leases) -> None:
    _, epoch = leases.acquire("one", milliseconds=30)
    is_owner, newer = await async_wait_for(lambda: (taken := leases.acquire("two"))[0] and taken)
    assert is_owner
    assert newer > epoch


def test_released_lease_is_free_at_once(leases: Leases) -> None:
    leases.acquire("one")
    leases.release("one")
    assert leases.acquire("two")[0]


def test_only_the_owner_releases_the_lease(leases: Leases) -> None:
    leases.release("two")
    _, epoch = leases.acquire("one")
    leases.release("two")
    leases.release("")
    assert leases.acquire("two") == (False, b"one")
    assert leases.acquire("one") == (True, epoch)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acquire", "release"]), st.sampled_from("ab"), st.integers(0, 3)
        ),
        max_size=15,
    )
)
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_calls_leave_one_owner_at_a_time(
    leases: Leases, calls: list[tuple[str, str, int]]
) -> None:
    leases.client.flushall()
    owner: str | None = None
    epoch = 0
    for verb, caller, more in calls:
        if verb == "release":
            leases.release(caller)
            owner = None if owner == caller else owner
            continue
        seen = epoch + more if epoch else 0
        is_owner, value = leases.acquire(caller, seen)
        assert is_owner == (owner in (None, caller))
        if is_owner:
            assert value == epoch if (owner, seen) == (caller, epoch) else value > seen
            owner, epoch = caller, value
        else:
            assert value.decode() == owner


# Damaged values


@pytest.mark.parametrize("value", ["", "garbage", "1e308 somebody", "-5 somebody", "5"])
def test_damaged_value_is_replaced(leases: Leases, value: str) -> None:
    leases.client.set(KEY, value)
    before = leases.now_ms()
    is_owner, epoch, wrong = leases.reply("one")
    assert (is_owner, wrong) == (1, b"replaced")
    assert before <= epoch <= leases.now_ms()
    assert 0 < leases.client.pttl(KEY) <= LONG


@pytest.mark.parametrize("epoch", ["9" * 30, str(2**62), str(2**53)])
def test_epoch_that_is_too_large_is_not_returned(leases: Leases, epoch: str) -> None:
    leases.client.set(KEY, f"{epoch} two", px=5000)
    assert leases.reply("one") == [0, b"two", 0]
    # The owner does not keep it either.
    is_owner, given, wrong = leases.reply("two")
    assert (is_owner, wrong) == (1, b"replaced")
    assert given <= leases.now_ms()


@pytest.mark.parametrize("milliseconds", [None, 10**10])
def test_endless_lease_gets_an_expiry_and_keeps_its_owner(
    leases: Leases, milliseconds: int | None
) -> None:
    leases.client.set(KEY, "5 two", px=milliseconds)
    assert leases.reply("one", milliseconds=5000) == [0, b"two", 5, b"endless"]
    assert 0 < leases.client.pttl(KEY) <= 5000
    assert leases.client.get(KEY) == b"5 two"
    assert leases.reply("one", milliseconds=5000) == [0, b"two", 5]


def test_reading_the_lease_does_not_acquire_it(leases: Leases) -> None:
    assert leases.reply("") == [0]
    assert leases.client.get(KEY) is None
    leases.client.set(KEY, "garbage")
    assert leases.reply("") == [0]
    assert leases.client.get(KEY) == b"garbage"


def test_lease_of_another_type_is_reported_and_kept(leases: Leases) -> None:
    leases.client.rpush(KEY, "somebody's")
    with pytest.raises(ResponseError) as refused:
        leases.acquire("one")
    assert parse_corruption(str(refused.value)) == Corrupt(KEY, "is no string")
    leases.release("one")
    assert leases.client.llen(KEY) == 1
