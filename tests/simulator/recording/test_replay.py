"""Recordings are replayed byte for byte."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from lab.recordings import FindRecording
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.recording.reader import read_recording
from simulator.recording.replay import Replay
from simulator.server import Simulator
from tests.simulator.helpers import (
    DEADLINE,
    Inbox,
    is_book,
    parse,
    read_until,
    send,
    subscribe,
)
from tests.simulator.recording.recordings import ACK, FRAMES, HEARTBEAT, record


async def test_replay_sends_recorded_bytes_in_time_and_then_nothing(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])), speed=0.1)
    loop = asyncio.get_running_loop()
    async with Simulator(SimulatedKraken(replay)) as simulator, connect(simulator.url) as client:
        await subscribe(client, "BTC/USD", depth=25)
        first = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        start = loop.time()
        rest = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        took = loop.time() - start
        after = await read_until(client, lambda frame: frame.get("channel") == "heartbeat")
    assert [first[-1], *(text for text in rest if text != HEARTBEAT)] == FRAMES
    # At a tenth of the speed the frames take a second, less the delay of reading the first one.
    assert took > 0.5
    assert after == [HEARTBEAT]


async def test_replay_refuses_other_depths_lists_pairs_and_starts_again(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])), speed=float("inf"))
    async with Simulator(SimulatedKraken(replay)) as simulator, connect(simulator.url) as client:
        await subscribe(client, "ETH/USD", "BTC/USD", depth=10)
        errors = await read_until(client, lambda frame: "depth" in frame.get("error", ""))
        assert [parse(text)["error"] for text in errors[1:]] == [
            "Currency pair not supported ETH/USD",
            "Subscription depth not supported",
        ]
        await send(client, method="subscribe", params={"channel": "instrument"})
        texts = await read_until(client, lambda frame: frame.get("channel") == "instrument")
        (pair,) = parse(texts[-1])["data"]["pairs"]
        assert (pair["price_precision"], pair["qty_precision"]) == (2, 5)
        for _ in range(2):
            await subscribe(client, "BTC/USD", depth=25)
            texts = await read_until(client, lambda frame: is_book(frame, "snapshot"))
            texts += await read_until(client, lambda frame: is_book(frame, "snapshot"))
            assert [text for text in texts[1:] if text != HEARTBEAT] == FRAMES
            await send(
                client,
                method="unsubscribe",
                params={"channel": "book", "symbol": ["BTC/USD"], "depth": 25},
            )
            await read_until(client, lambda frame: frame.get("method") == "unsubscribe")


async def played(replay: Replay, count: int, *, snapshot: bool = True) -> list[str]:
    inbox = Inbox()
    replay.subscribe("BTC/USD", 25, inbox, snapshot=snapshot)
    await inbox.filled(count)
    replay.unsubscribe("BTC/USD", inbox)
    return inbox.texts[:count]


async def test_loop_repeats_from_the_first_snapshot(tmp_path: Path) -> None:
    tracks = read_recording(record(tmp_path, [ACK, *FRAMES]))
    replay = Replay(tracks, speed=float("inf"), loop=True)
    assert await played(replay, 7) == [*FRAMES, *FRAMES, FRAMES[0]]


async def test_second_subscription_continues_at_the_next_snapshot(tmp_path: Path) -> None:
    lines = [*FRAMES[:2], *FRAMES[:2], *FRAMES[:2]]
    times = [0, 1, 2, 3, 3600, 3601]
    file = record(tmp_path, lines, [each * 10**9 for each in times])
    replay = Replay(read_recording(file), speed=50.0)
    inbox = Inbox()
    replay.subscribe("BTC/USD", 25, inbox, snapshot=True)
    await inbox.filled(2)
    replay.unsubscribe("BTC/USD", inbox)
    replay.subscribe("BTC/USD", 25, inbox, snapshot=True)
    await inbox.filled(4)
    replay.unsubscribe("BTC/USD", inbox)
    # The first four frames, each once: the second subscription did not begin again.
    assert inbox.texts == lines[:4]
    # Another subscriber begins at the first snapshot.
    assert await played(replay, 2) == lines[:2]


async def test_replay_without_snapshot_omits_the_first_one(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])), speed=float("inf"))
    assert await played(replay, 2, snapshot=False) == FRAMES[1:]


@pytest.mark.parametrize(("name", "depth"), [("depth10", 10), ("depth25", 25)])
async def test_replay_plays_kraken_recordings_to_their_end(
    recorded: FindRecording, name: str, depth: int
) -> None:
    path = recorded(f"kraken-btcusd-{name}.jsonl")
    lines = [line for line in path.read_text().splitlines() if line.startswith('{"channel":"book"')]
    replay = Replay(read_recording(path), speed=float("inf"))
    texts: list[str] = []
    async with Simulator(SimulatedKraken(replay)) as simulator, connect(simulator.url) as client:
        await subscribe(client, "BTC/USD", depth=depth)
        async with asyncio.timeout(DEADLINE):
            while len(texts) < len(lines):
                text = str(await client.recv())
                if text.startswith('{"channel":"book"'):
                    texts.append(text)
    assert texts == lines
