"""The compiled path of a session equals the pure one: events, books, counters, log and errors.

Random scripts are played by a pure session frame by frame, and by compiled sessions in batches of
several sizes. `KRAKEN_BOOK_FUZZ=100` tries 100 times as many scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pytest

from collector.feed.hot_path import PURE, HotPath
from collector.feed.timestamp import Timestamp
from lab.observed_session import ObservedSession, assert_same, observe
from lab.random_scripts import RandomSteps, shortest, times_longer
from lab.session_script import (
    LOTS,
    ODD_TIMES,
    PAIRS,
    START_UNIX_NS,
    Change,
    Happen,
    Other,
    Pair,
    Pass,
    Script,
    Step,
    Update,
    World,
    write_script,
)
from tests.collector.venues.kraken.kraken_side import Conversation

BATCH_SIZES = (1, 7, 300)
PARTS, SCRIPTS_PER_PART = 4, 15
BTC, ETH = PAIRS[:2]
WORLD = World((BTC, ETH), 10, 512, 2000)


def busy(*more: Step, world: World = WORLD) -> Script:
    """Return a script of many plain updates, with `more` in the middle."""
    plain = [
        Update(pair, (Change(n % 7, n % 3 - 1),), (Change(n % 5, n % 4),)[: n % 2], repeats=3)
        for n in range(20)
        for pair in range(len(world.pairs))
    ]
    return write_script(world, [*plain, *more, *plain])


def difference(script: Script, path: HotPath) -> str | None:
    """Return the first difference from the pure path, frame by frame; None if there is none."""
    expected = observe(script, PURE, 1)
    for size in BATCH_SIZES:
        try:
            assert_same(observe(script, path, size), expected)
        except AssertionError as error:
            return f"in batches of {size}: {error}"
    return None


def fail_if_different(seeds: Iterable[int], path: HotPath) -> None:
    """Fail at the first random script with a difference, and show its shortest form."""
    for seed in seeds:
        drawn = RandomSteps(seed)
        world, steps = drawn.world(), drawn.steps()
        if difference(write_script(world, steps), path) is None:
            continue

        def differs(some: Sequence[Step], world: World = world) -> bool:
            return difference(write_script(world, some), path) is not None

        steps = shortest(steps, differs)
        script = write_script(world, steps)
        pytest.fail(f"seed {seed}, {world}\n{steps}\n{difference(script, path)}", pytrace=False)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_scripts_have_the_same_effect_compiled(compiled: HotPath, part: int) -> None:
    number = times_longer(SCRIPTS_PER_PART)
    fail_if_different(range(part * number, (part + 1) * number), compiled)


def test_random_scripts_have_the_same_effect_in_pure_batches_of_any_size() -> None:
    fail_if_different(range(times_longer(8)), PURE)


def test_plain_updates_are_taken_together(compiled: HotPath) -> None:
    script = busy()
    session = ObservedSession(script.world, compiled, 300)
    session.play(script)
    # One frame in 50 ms is sampled for the lag. No time passes in this script.
    assert session.taken >= 2 * 2 * 20 * 3 - 1


def test_conversations_of_other_tests_take_plain_updates_together(compiled: HotPath) -> None:
    class CompiledConversation(Conversation):
        path = compiled

    conversation = CompiledConversation(BTC.symbol)
    conversation.go_live()
    update = conversation.markets[BTC.symbol].update([("98.0", "1.00000000")])
    read_at = Timestamp(START_UNIX_NS, int(conversation.now * 1e9))
    assert conversation.session.take_plain([update], 0, read_at) == 1


def test_comparison_finds_one_wrong_digit_of_one_event() -> None:
    expected = observe(busy(), PURE, 1)
    at, events = next((n, o) for n, o in enumerate(expected) if o.what == "events")
    wrong = re.sub(r"63380\.9", "63380.8", repr(events.value), count=1)
    assert wrong != repr(events.value)
    seen = [*expected[:at], events._replace(value=wrong), *expected[at + 1 :]]
    seen = [o._replace(value=repr(o.value)) if n == at else o for n, o in enumerate(seen)]
    with pytest.raises(AssertionError, match=f"observation {at} differs"):
        assert_same(seen, expected)


def test_comparison_finds_a_missing_observation() -> None:
    expected = observe(busy(), PURE, 1)
    with pytest.raises(AssertionError, match="differs"):
        assert_same(expected[:-1], expected)


@pytest.mark.parametrize("time", range(len(ODD_TIMES)), ids=[str(each) for each in ODD_TIMES])
def test_odd_times_have_the_same_effect(compiled: HotPath, time: int) -> None:
    odd = Update(0, (Change(1, 3),), (), time=time)
    script = busy(odd, Happen(0, 2, 0), odd._replace(repeats=3))
    expected = observe(script, PURE, 1)
    for size in BATCH_SIZES:
        assert_same(observe(script, compiled, size), expected)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: repr(pair.symbol))
def test_every_precision_and_quantity_has_the_same_effect(compiled: HotPath, pair: Pair) -> None:
    updates: list[Step] = []
    for lots in range(len(LOTS)):
        updates += [
            Update(0, (Change(lots % 4, lots),), ()),
            Update(0, (), (Change(lots % 3, lots),)),
            Happen(0, 2, 0),
        ]
    script = busy(*updates, world=WORLD._replace(pairs=(pair, BTC) if pair != BTC else (pair,)))
    expected = observe(script, PURE, 1)
    for size in BATCH_SIZES:
        assert_same(observe(script, compiled, size), expected)


def lagging_script() -> Script:
    """Return a script in which the frames are more and more late, until the feed is lagging."""
    steps: list[Step] = []
    for seconds in (0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20):
        steps += [Pass(3 * 10**9, seconds)]
        steps += [Update(pair, (Change(seconds % 5, 2),), (), repeats=4) for pair in (0, 1)]
    return write_script(WORLD, steps)


def test_lagging_feed_ends_at_the_same_frame(compiled: HotPath) -> None:
    script = lagging_script()
    expected = observe(script, PURE, 1)
    assert any(each.what == "lagging" for each in expected)
    for size in BATCH_SIZES:
        assert_same(observe(script, compiled, size), expected)


def test_clock_that_stands_still_gives_the_same_lag(compiled: HotPath) -> None:
    standing = ODD_TIMES.index("2028-02-29T00:00:00.000000Z")
    steps: list[Step] = []
    for n in range(12):
        steps += [
            Pass(60_000_000, 0),
            Update(0, (Change(n % 3, 1),), (), time=standing, repeats=3),
            Update(1, (Change(n % 3, 1),), (), repeats=2),
            Update(0, (Change(n % 4, 2),), (), time=0, repeats=2),
            Other(0),
        ]
    script = write_script(WORLD, steps)
    expected = observe(script, PURE, 1)
    for size in BATCH_SIZES:
        assert_same(observe(script, compiled, size), expected)
