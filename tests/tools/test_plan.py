"""The plan of docs/scale.md: more load never needs less, and no core exceeds its planned share."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.docs.markdown import DOCS, Block, blocks
from tools.plan import (
    EVENT_BYTES,
    MAX_CORE_SHARE,
    MEASURED_REDIS,
    Plan,
    ReadersAndBooks,
    TooMuch,
    following,
    main,
    plan,
    reading,
)

SMALL = ReadersAndBooks(100, 3, 100.0)
EXCHANGE = ReadersAndBooks(100_000, 1100, 5000.0)
LOADS = st.builds(
    ReadersAndBooks,
    readers=st.integers(1, 2_000_000),
    books=st.integers(100, 5000),
    updates=st.floats(1, 50_000),
    follow=st.just(1.0),
    skew=st.just(4.0),
    retention=st.floats(1, 3600),
    max_events=st.integers(100, 100_000),
)
DOCUMENTED = [
    block
    for page in (DOCS / "scale.md", DOCS / "operations.md")
    for block in blocks(page)
    if block.code.startswith("python -m tools.plan ")
]


@pytest.mark.parametrize("block", DOCUMENTED, ids=str)
def test_page_shows_the_plan_of_its_command(
    block: Block, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", shlex.split(block.code)[2:])

    main()

    assert capsys.readouterr().out == block.output


def test_pages_show_plans() -> None:
    assert len(DOCUMENTED) == 5


def test_memory_of_redis_is_that_of_the_runbook() -> None:
    table = (DOCS / "operations.md").read_text().partition("### Memory of Redis")[2]
    rows = re.findall(
        r"^\| .*?(\d+) updates? per second.* \| (.+) \| (.+) \|$", table, re.MULTILINE
    )
    assert len(rows) == 3
    for updates, *cells in rows:
        for books, cell in zip((1, 200), cells, strict=True):
            kept = ReadersAndBooks(0, books, books * float(updates)).kept
            number, unit = cell.split()
            digits = len(number.partition(".")[2])
            assert f"{kept / {'MB': 1e6, 'GB': 1e9}[unit]:.{digits}f}" == number


def test_retention_and_most_events_bound_memory_of_redis() -> None:
    rare = SMALL._replace(retention=60)
    assert rare.kept < SMALL.kept < SMALL._replace(retention=600).kept
    few = SMALL._replace(max_events=100)
    assert few.kept == few._replace(retention=3600).kept


def test_memory_of_all_processes_is_the_sum_of_each() -> None:
    found = plan(EXCHANGE)
    processes = 2 * found.collectors * found.collector_memory + found.apis * found.api_memory

    assert found.memory == processes + found.redis_memory
    assert max(found.collector_share, found.api_share, found.redis_share) <= MAX_CORE_SHARE


def test_command_refuses_values_that_are_not_above_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["plan", "--max-events", "0"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "--max-events must be above 0" in capsys.readouterr().err


def test_small_load_needs_one_of_each_and_standby_collector() -> None:
    found = plan(SMALL)

    assert (found.collectors, found.apis, found.nodes, found.copies) == (1, 1, 1, 0)
    assert found.cores == 4


def test_bits_are_readers_times_events_times_bytes() -> None:
    load = ReadersAndBooks(10, 100, 200.0, follow=5, skew=2.0)

    assert load.events_each == 20
    assert plan(load).bits == 10 * 20 * EVENT_BYTES * 8


def test_events_of_reader_do_not_exceed_all_updates() -> None:
    assert ReadersAndBooks(1, 10, 100.0, follow=10, skew=4.0).events_each == 100


def test_streams_of_one_book_need_fewer_apis() -> None:
    one, several = plan(EXCHANGE), plan(EXCHANGE._replace(follow=2))

    assert one.groups > 1
    assert several.groups == 1
    assert several.apis > one.apis


def test_plan_refuses_load_that_no_api_can_follow() -> None:
    with pytest.raises(TooMuch, match=r"50,000 updates/s needs 5\.\d cores"):
        plan(ReadersAndBooks(1, 5000, 50_000.0, follow=2))


def test_plan_has_cluster_if_writes_exceed_one_redis() -> None:
    found = plan(ReadersAndBooks(10, 1100, 20_000.0))

    assert found.nodes > 1


@given(LOADS)
def test_apis_do_not_exceed_planned_core_share(load: ReadersAndBooks) -> None:
    found = plan(load)

    used = found.apis * following(load, found.groups) + load.readers * reading(load)
    assert used <= found.apis * MAX_CORE_SHARE * (1 + 1e-9)
    assert found.apis % found.groups == 0


@given(LOADS, st.floats(1, 5))
def test_more_readers_never_need_less(load: ReadersAndBooks, times: float) -> None:
    before, after = plan(load), plan(load._replace(readers=load.readers * times))

    assert after.apis >= before.apis
    assert after.memory >= before.memory * (1 - 1e-9) or after.groups > before.groups
    assert after.bits >= before.bits


@given(LOADS)
def test_higher_costs_never_need_fewer_redis_servers(load: ReadersAndBooks) -> None:
    higher = MEASURED_REDIS._replace(follow_event=2 * MEASURED_REDIS.follow_event)

    assert servers(plan(load, higher)) >= servers(plan(load))


def servers(found: Plan) -> int:
    return found.nodes * (1 + found.copies)


def test_lines_contain_apis_and_network() -> None:
    text = "\n".join(replace(plan(EXCHANGE), apis=77).lines())

    assert "77, in" in text
    assert "Gbit/s" in text
