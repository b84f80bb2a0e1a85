"""Recordings, read with care and played byte for byte."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from lab.recordings import FindRecording
from simulator.recording.reader import RecordingError, read_recording
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

STATUS = '{"channel":"status","type":"update","data":[]}'
ACK = (
    '{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,'
    '"symbol":"BTC/USD"},"success":true}'
)
HEARTBEAT = '{"channel":"heartbeat"}'
FRAMES = [
    # Spaces, keys in another order and an exponent: what is recorded is what is played.
    '{"channel":"book", "type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":1.5,'
    '"qty":0.0100}],"asks":[],"checksum":1,"timestamp":"2026-08-01T00:00:01.000000Z"}]}',
    '{"type":"update","channel":"book","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":'
    '2.25,"qty":1e-05}],"checksum":2,"timestamp":"2026-08-01T00:00:01.050000Z"}]}',
    '{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[],"asks":[],'
    '"checksum":0,"timestamp":"2026-08-01T00:00:01.100000Z"}]}',
]
EARLY = FRAMES[1].replace('"checksum":2', '"checksum":99')


def record(path: Path, lines: list[str], received_ns: list[int] | None = None) -> Path:
    file = path / "recording.jsonl"
    file.write_text("\n".join(lines) + "\n")
    if received_ns is not None:
        file.with_suffix(".received-ns").write_text("\n".join(map(str, received_ns)) + "\n")
    return file


def test_recording_determines_depth_and_precisions(tmp_path: Path) -> None:
    file = record(tmp_path, [STATUS, ACK, EARLY, *FRAMES[:1], HEARTBEAT, *FRAMES[1:]])
    (track,) = read_recording(file).values()
    assert (track.symbol, track.depth) == ("BTC/USD", 25)
    assert (track.price_precision, track.qty_precision) == (2, 5)
    assert [text for _, text in track.frames] == FRAMES
    assert [seconds for seconds, _ in track.frames] == pytest.approx([0, 0.05, 0.1])


def test_recording_without_ack_takes_its_depth_from_the_largest_snapshot(tmp_path: Path) -> None:
    (track,) = read_recording(record(tmp_path, FRAMES)).values()
    assert track.depth == 10


def test_times_of_receipt_override_timestamps(tmp_path: Path) -> None:
    file = record(tmp_path, [ACK, *FRAMES], [10**9, 2 * 10**9, 2 * 10**9, 5 * 10**9])
    (track,) = read_recording(file).values()
    assert [seconds for seconds, _ in track.frames] == [0, 0, 3]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([FRAMES[0], '{"channel":"bo'], r"recording\.jsonl, line 2: .* one JSON frame"),
        ([FRAMES[0], '{"channel":"book","data":[{}]}'], "line 2: .*not a book frame"),
        ([FRAMES[0].replace("1.5", '"x"')], "line 1: a price or qty is not a number"),
        ([FRAMES[0].replace("[{", "[{},{", 1)], "line 1"),
        ([STATUS, FRAMES[1]], "no book snapshot"),
        ([], "no book snapshot"),
    ],
)
def test_broken_recording_is_named_with_its_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(record(tmp_path, lines))


@pytest.mark.parametrize(("text", "message"), [("1\n2\n", "2 times for the 3"), ("x\n", "integer")])
def test_broken_times_of_receipt_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = record(tmp_path, FRAMES)
    file.with_suffix(".received-ns").write_text(text)
    with pytest.raises(RecordingError, match=message):
        read_recording(file)


async def test_replay_sends_the_recorded_bytes_in_time_and_then_nothing(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])), speed=0.1)
    loop = asyncio.get_running_loop()
    async with Simulator(replay) as simulator, connect(simulator.url) as client:
        await subscribe(client, "BTC/USD", depth=25)
        first = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        start = loop.time()
        rest = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        took = loop.time() - start
        after = await read_until(client, lambda frame: frame.get("channel") == "heartbeat")
    assert [first[-1], *(text for text in rest if text != HEARTBEAT)] == FRAMES
    # A second, of which some is gone where the first is read late; at full speed a tenth of it.
    assert took > 0.5
    assert after == [HEARTBEAT]


async def test_replay_refuses_other_depths_lists_pairs_and_starts_again(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])), speed=float("inf"))
    async with Simulator(replay) as simulator, connect(simulator.url) as client:
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
    async with Simulator(replay) as simulator, connect(simulator.url) as client:
        await subscribe(client, "BTC/USD", depth=depth)
        async with asyncio.timeout(DEADLINE):
            while len(texts) < len(lines):
                text = str(await client.recv())
                if text.startswith('{"channel":"book"'):
                    texts.append(text)
    assert texts == lines
