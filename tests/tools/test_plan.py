"""The calculation of docs/scale.md: more never needs less, and nothing has more than its share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import plan as bench_plan
from tools.plan import BUSY, EVENT_BYTES, Plan, ReadersAndBooks, TooMuch, following, plan, reading

SMALL = ReadersAndBooks(100, 3, 100.0)
EXCHANGE = ReadersAndBooks(100_000, 1100, 5000.0)
LOADS = st.builds(
    ReadersAndBooks,
    readers=st.integers(1, 2_000_000),
    books=st.integers(100, 5000),
    updates=st.floats(1, 50_000),
    follow=st.just(1.0),
    skew=st.just(4.0),
)


def test_a_small_load_needs_one_of_each_and_a_collector_that_stands_by() -> None:
    found = plan(SMALL)

    assert (found.collectors, found.apis, found.nodes, found.copies) == (1, 1, 1, 0)
    assert found.cores == 4


def test_the_network_is_readers_times_events_times_bytes() -> None:
    load = ReadersAndBooks(10, 100, 200.0, follow=5, skew=2.0)

    assert load.events_each == 20
    assert plan(load).bits == 10 * 20 * EVENT_BYTES * 8


def test_nobody_is_sent_more_than_there_is() -> None:
    assert ReadersAndBooks(1, 10, 100.0, follow=10, skew=4.0).events_each == 100


def test_a_stream_for_each_book_spares_apis_from_following_all() -> None:
    one, several = plan(EXCHANGE), plan(EXCHANGE._replace(follow=2))

    assert one.groups > 1
    assert several.groups == 1
    assert several.apis > one.apis


def test_what_no_api_can_follow_is_refused() -> None:
    with pytest.raises(TooMuch, match=r"50,000 updates/s takes 5\.\d cores"):
        plan(ReadersAndBooks(1, 5000, 50_000.0, follow=2))


def test_where_one_redis_is_not_enough_for_the_writing_it_is_a_cluster() -> None:
    found = plan(ReadersAndBooks(10, 1100, 20_000.0))

    assert found.nodes > 1


@given(LOADS)
def test_no_api_has_more_than_is_planned_for(load: ReadersAndBooks) -> None:
    found = plan(load)

    in_all = found.apis * following(load, found.groups) + load.readers * reading(load)
    assert in_all <= found.apis * BUSY * (1 + 1e-9)
    assert found.apis % found.groups == 0


@given(LOADS, st.floats(1, 5))
def test_more_readers_never_need_less(load: ReadersAndBooks, times: float) -> None:
    before, after = plan(load), plan(load._replace(readers=load.readers * times))

    assert after.apis >= before.apis
    assert after.memory >= before.memory * (1 - 1e-9) or after.groups > before.groups
    assert after.bits >= before.bits


@given(LOADS)
def test_what_is_dearer_to_follow_never_needs_less_of_redis(load: ReadersAndBooks) -> None:
    with pytest.MonkeyPatch.context() as patch:
        before = plan(load)
        patch.setattr(bench_plan, "REDIS_FOLLOW_EVENT", 2 * bench_plan.REDIS_FOLLOW_EVENT)
        after = plan(load)

    assert servers(after) >= servers(before)


def servers(found: Plan) -> int:
    return found.nodes * (1 + found.copies)


def test_it_says_what_it_found() -> None:
    text = "\n".join(replace(plan(EXCHANGE), apis=77).lines())

    assert "77, in" in text
    assert "Gbit/s" in text
