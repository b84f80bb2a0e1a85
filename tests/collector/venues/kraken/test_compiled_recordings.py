"""Recorded frames of Kraken, and damages of them: the compiled path equals the pure one."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from collector.feed.hot_path import PURE, HotPath
from lab.frame_mutations import damage
from lab.naive_book import NaiveBook
from lab.observed_session import ObservedSession, assert_same, observe
from lab.random_scripts import times_longer
from lab.recordings import BESIDE, DATA, FindRecording
from lab.session_script import (
    START_UNIX_NS,
    Action,
    Advance,
    Open,
    Pair,
    Script,
    Send,
    SessionAction,
    SymbolAction,
    World,
    book_frame,
    instruments_frame,
    iso_time,
)

BTC = Pair("BTC/USD", 1, 8, 633_810)
RECORDINGS = sorted({path.name for path in (*DATA.glob("*.jsonl"), *BESIDE.glob("*.jsonl"))})
BATCH_SIZES = (1, 7, 300)


def world_of(name: str, room: int = 100_000) -> World:
    return World((BTC,), 25 if "depth25" in name else 10, room, room)


def script_of(world: World, frames: list[bytes], look_every: int = 500) -> Script:
    """Return a script of these frames; events are taken, and the book is read, now and then."""
    actions: list[Action] = [
        Send(instruments_frame(world.pairs)),
        SessionAction("requests"),
        Open(BTC.symbol, 1, 0),
    ]
    for number, frame in enumerate(frames, 1):
        actions.append(Send(frame))
        if number % look_every == 0:
            actions += [SymbolAction("take", BTC.symbol), SymbolAction("look", BTC.symbol)]
            actions += [SessionAction("tick"), SessionAction("requests"), Advance(20_000_000)]
    return Script(world, tuple(actions))


@pytest.mark.parametrize("name", RECORDINGS)
def test_recording_gives_the_same_events_and_books(
    recorded: FindRecording, compiled: HotPath, name: str
) -> None:
    script = script_of(world_of(name), recorded(name).read_bytes().splitlines())
    expected = observe(script, PURE, 1)
    assert any(each.what == "events" for each in expected)
    for size in BATCH_SIZES:
        session = ObservedSession(script.world, compiled, size)
        assert_same(session.play(script), expected)
        assert session.taken > 250, "the compiled path took no frames"


def test_recording_gives_the_same_events_if_the_queue_is_small(
    recorded: FindRecording, compiled: HotPath
) -> None:
    name = "kraken-btcusd-depth10.jsonl"
    frames = recorded(name).read_bytes().splitlines()
    for room in (2, 3, 4, 5, 16, 100):
        script = script_of(world_of(name, room), frames, look_every=40)
        expected = observe(script, PURE, 1)
        for size in BATCH_SIZES:
            assert_same(observe(script, compiled, size), expected)


def damaged_script(frames: list[bytes], seed: int) -> Script:
    """Return a script in which each frame comes damaged once, to the book that it belongs to."""
    number = random.Random(seed)
    naive = NaiveBook()
    actions: list[Action] = []
    for frame in frames:
        entry = book_entry(frame)
        if entry is None:
            continue
        sides = (
            [(level["price"], level["qty"]) for level in entry["bids"]],
            [(level["price"], level["qty"]) for level in entry["asks"]],
        )
        if b'"type":"snapshot"' in frame:
            naive.snapshot(*sides)
            continue
        before = book_frame(
            "snapshot", BTC.quoted, naive.bids, naive.asks, naive.checksum, iso_time(START_UNIX_NS)
        )
        naive.frame(*sides)
        damaged = frame
        for _ in range(number.choice((1, 1, 1, 2, 3))):
            damaged = damage(damaged, *(number.randrange(1 << 16) for _ in range(3)))
        # The book may be doubted afterwards. A new connection knows nothing of that.
        actions += [SessionAction("reconnect"), Send(instruments_frame((BTC,)))]
        actions += [SessionAction("tick"), Send(before), Send(damaged), Send(frame)]
        actions += [SymbolAction("look", BTC.symbol), SymbolAction("take", BTC.symbol)]
    return Script(world_of("depth10"), (Open(BTC.symbol, 1, 0), *actions))


def book_entry(frame: bytes) -> Any:
    """Return the entry of a book frame, with all numbers as texts; None for any other frame."""
    if not frame.startswith(b'{"channel":"book"'):
        return None
    return json.loads(frame, parse_float=str)["data"][0]


@pytest.mark.parametrize("seed", range(times_longer(3)))
def test_damaged_recording_gives_the_same_events_and_books(
    recorded: FindRecording, compiled: HotPath, seed: int
) -> None:
    frames = recorded("kraken-btcusd-depth10.jsonl").read_bytes().splitlines()
    script = damaged_script(frames, seed)
    expected = observe(script, PURE, 1)
    for size in (1, 300):
        assert_same(observe(script, compiled, size), expected)


def test_times_of_a_recording_are_passed_on(recorded: FindRecording, compiled: HotPath) -> None:
    script = script_of(
        world_of("depth10"), recorded("kraken-btcusd-depth10.jsonl").read_bytes().splitlines()
    )
    text = repr(observe(script, compiled, 300))
    assert '"exchange_time":"2026-08-01T02:53:53.646219Z"' in text
    assert START_UNIX_NS // 10**9 == 1_785_641_751
    assert '"received_at":"2026-08-02T03:35:51.702114Z"' in text
