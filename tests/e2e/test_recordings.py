"""Each recorded frame of Kraken verifies, and each update becomes exactly one event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.ladder import Ladder
from lab.recordings import FindRecording
from lab.scripted_kraken import checksum
from lab.services import Collector
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SYMBOL = "BTC/USD"


def book_frames(recording: Path) -> list[dict[str, Any]]:
    """Return the book frames from the first snapshot on; numbers are texts as in the frame."""
    lines = recording.read_text().splitlines()
    frames = [json.loads(line, parse_float=str) for line in lines if line.strip()]
    books = [frame for frame in frames if frame.get("channel") == "book"]
    while books[0]["type"] != "snapshot":
        del books[0]
    return [{"kind": frame["type"], **frame["data"][0]} for frame in books]


def levels_of(side: list[dict[str, str]]) -> list[list[str]]:
    return [[level["price"], level["qty"]] for level in side]


def told_by_frame(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the expected contents of an update frame's event."""
    return {
        "kind": frame["kind"],
        "bids": levels_of(frame["bids"]),
        "asks": levels_of(frame["asks"]),
        "checksum": frame["checksum"],
        "exchange_time": frame.get("timestamp"),
    }


def told_by_event(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in ("kind", "bids", "asks", "checksum", "exchange_time")}


def replayed(
    stage: Stage, recording: Path, depth: int, speed: str
) -> tuple[Collector, StoredBooks]:
    """Let a collector publish the whole recording into an empty Redis."""
    redis = stage.redis()
    simulator = stage.simulator("--replay", str(recording), "--speed", speed)
    # The collector must lead before the first frame, or that frame becomes no event.
    simulator.freeze()
    collector = stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, KRAKEN_DEPTH=str(depth)
    )
    collector.wait_for_line("leading")
    simulator.resume()
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    frames = book_frames(recording)
    wait_until(
        lambda: collector.metric("kraken_book_verified_total") >= len(frames),
        f"{len(frames)} frames are verified",
    )
    streams.wait_for_checksum(SYMBOL, frames[-1]["checksum"])
    return collector, streams


def assert_nothing_was_doubted(collector: Collector, frames: list[dict[str, Any]]) -> None:
    kinds = [frame["kind"] for frame in frames]
    for kind in ("snapshot", "update"):
        assert collector.metric("kraken_book_verified_total", kind=kind) == kinds.count(kind)
    assert collector.metric("kraken_book_resyncs_total") == 0
    assert collector.metric("kraken_book_bad_frames_total") == 0
    assert collector.metric("kraken_book_reconnects_total") == 0


def assert_each_frame_is_one_event(streams: StoredBooks, frames: list[dict[str, Any]]) -> None:
    events = [event for event in streams.events(SYMBOL) if event["kind"] != "status"]
    updates = [told_by_frame(frame) for frame in frames if frame["kind"] == "update"]
    assert [told_by_event(event) for event in events if event["kind"] == "update"] == updates
    # Unrequested snapshots are in their place, each with its checksum.
    expected = [(frame["kind"], frame["checksum"]) for frame in frames]
    assert [(event["kind"], event["checksum"]) for event in events] == expected
    # An independent reader rebuilds the stream: each event leads to the book of its checksum.
    ladder = streams.ladder(SYMBOL)
    assert ladder.counts.verified == len(frames)
    assert ladder.counts.jumps == 0
    assert_hash_is(streams, ladder)


def assert_hash_is(streams: StoredBooks, ladder: Ladder) -> None:
    book = streams.book(SYMBOL)
    assert book["checksum"] == str(ladder.checksum)
    assert json.loads(book["bids"]) == ladder.bids
    assert json.loads(book["asks"]) == ladder.asks


@pytest.mark.parametrize(
    ("name", "depth", "speed"),
    [
        ("docs-worked-example.json", 10, "0"),
        ("kraken-btcusd-depth10.jsonl", 10, "0"),
        # At 20 times the recorded pace. Frames that are faster than Redis may be conflated,
        # which the test below allows and this one does not.
        ("kraken-btcusd-depth25.jsonl", 25, "20"),
    ],
)
def test_recorded_frames_verify_and_each_update_is_one_event(
    stage: Stage, recorded: FindRecording, name: str, depth: int, speed: str
) -> None:
    frames = book_frames(recorded(name))
    collector, streams = replayed(stage, recorded(name), depth, speed)
    assert_nothing_was_doubted(collector, frames)
    assert_each_frame_is_one_event(streams, frames)


def test_recording_at_full_speed_is_verified_and_accounted_for(
    stage: Stage, recorded: FindRecording
) -> None:
    recording = recorded("kraken-btcusd-depth25.jsonl")
    frames = book_frames(recording)
    collector, streams = replayed(stage, recording, 25, "0")
    assert_nothing_was_doubted(collector, frames)
    ladder = streams.ladder(SYMBOL)
    # A frame without its own event is counted by the snapshot that replaces it.
    missing = sum(frame["kind"] == "update" for frame in frames) - ladder.counts.updates
    assert 0 <= missing <= ladder.counts.conflated
    assert (missing > 0) == (ladder.counts.jumps > 0)
    assert_hash_is(streams, ladder)


def test_rare_frames_verify(stage: Stage, tmp_path: Path) -> None:
    """Generated frames with rare cases that recordings of quiet books lack."""
    recording = tmp_path / "rare.jsonl"
    recording.write_text("".join(f"{line}\n" for line in rare_frames()))
    frames = book_frames(recording)
    collector, streams = replayed(stage, recording, 10, "0")
    assert_nothing_was_doubted(collector, frames)
    assert_each_frame_is_one_event(streams, frames)


def rare_frames() -> list[str]:
    """Write frames with levels beyond the depth, repeated levels, an empty side, big numbers."""
    bids = {1000 - step: 10**17 + step for step in range(10)}
    asks = {1001 + step: 5 + step for step in range(10)}
    ack = {"channel": "book", "depth": 10, "snapshot": True, "symbol": SYMBOL}
    lines = [
        '{"channel":"status","type":"update","data":[{"system":"online"}]}',
        json.dumps({"method": "subscribe", "result": ack, "success": True}),
        # Without a timestamp, as Kraken sent them in 2024.
        frame_text("snapshot", list(bids.items()), list(asks.items()), checksum(bids, asks), None),
    ]
    changes: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] = [
        ([(1000, 0), (999, 0), (990, 7), (989, 8)], []),
        ([(1000, 1), (999, 2)], [(1001, 0), (1011, 3)]),
        ([], [(1002, 1), (1002, 0), (1002, 12345678)]),
        ([(500, 1), (500, 0)], [(1003, 5)]),
        ([(price, 0) for price in range(980, 1001)], []),
        ([(998, 10**18 + 1)], []),
        ([(1, 1)], [(1000, 1)]),
        ([(997, 1)], [(1000, 0)]),
    ]
    for number, (bid_levels, ask_levels) in enumerate(changes):
        for side, levels, sign in ((bids, bid_levels, -1), (asks, ask_levels, 1)):
            apply(side, levels, sign)
        timestamp = f"2026-08-02T03:35:51.{number:06d}Z"
        check = checksum(bids, asks)
        lines.append(frame_text("update", bid_levels, ask_levels, check, timestamp))
    lines.append('{"channel":"heartbeat"}')
    lines.append(
        frame_text("snapshot", sorted(bids.items()), sorted(asks.items()), check, timestamp)
    )
    return lines


def apply(side: dict[int, int], levels: list[tuple[int, int]], sign: int) -> None:
    for price, lots in levels:
        side[price] = lots
        if not lots:
            del side[price]
    for price in sorted(side, key=lambda each: each * sign)[10:]:
        del side[price]


def frame_text(
    kind: str,
    bids: list[tuple[int, int]],
    asks: list[tuple[int, int]],
    check: int,
    timestamp: str | None,
) -> str:
    def side(levels: list[tuple[int, int]]) -> str:
        texts = [
            f'{{"price":{price // 10}.{price % 10},"qty":{lots // 10**8}.{lots % 10**8:08d}}}'
            for price, lots in levels
        ]
        return f"[{','.join(texts)}]"

    time = f',"timestamp":"{timestamp}"' if timestamp else ""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{SYMBOL}","bids":{side(bids)},'
        f'"asks":{side(asks)},"checksum":{check}{time}}}]}}'
    )
