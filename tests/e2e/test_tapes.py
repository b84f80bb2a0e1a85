"""A collector records all that it receives, and another one gets the same books from its tape."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_book.recording.tape_reader import Opened, Received, Sent, TapeLine, read_tape
from lab.ports import free_port
from lab.services import Collector
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from tests.e2e.feed_tap import FeedTap

SYMBOLS = ("BTC/USD", "ETH/USD")


def tape_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def by_connection(folder: Path) -> dict[str, list[TapeLine]]:
    """Return the lines of all files by the number of their connection in the name."""
    found: dict[str, list[TapeLine]] = {}
    for path in tape_files(folder):
        found.setdefault(path.name.split("-")[2], []).extend(read_tape(path))
    return found


def received(lines: list[TapeLine]) -> list[bytes]:
    return [line.frame for line in lines if isinstance(line, Received)]


def last_checksums(lines: Iterator[TapeLine]) -> dict[str, int]:
    """Return the checksum of each symbol's last book frame."""
    found = {}
    for line in lines:
        if isinstance(line, Received) and line.frame.startswith(b'{"channel":"book"'):
            (book,) = json.loads(line.frame)["data"]
            found[book["symbol"]] = book["checksum"]
    return found


def collector_with_tape(stage: Stage, redis_url: str, url: str, folder: Path) -> Collector:
    return stage.collector(
        redis_url,
        url,
        KRAKEN_SYMBOLS=",".join(SYMBOLS),
        KRAKEN_SYMBOLS_PER_CONNECTION="1",
        COLLECTOR_TAPE=str(folder),
    )


def test_tape_of_a_killed_collector_has_what_was_sent_and_gives_another_the_same_books(
    stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "tape"
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "1000")
    tap = stage.enter(FeedTap(int(simulator.url.rpartition(":")[2].partition("/")[0])))
    collector = collector_with_tape(stage, redis.url, tap.url, folder)
    collector.wait_until_live(2)
    wait_until(lambda: collector.metric("kraken_book_verified_total", kind="update") > 1000)
    assert collector.get("/healthz").json()["tape"]["state"] == "recording"
    assert collector.metric("kraken_book_tape_dropped_frames_total") == 0
    collector.kill()

    assert [path.name.endswith(".tape.zst.partial") for path in tape_files(folder)] == [True, True]
    recorded = by_connection(folder)
    sent = {messages[0]: messages for messages in tap.messages()}
    assert set(recorded) == {"1", "2"}
    for name, lines in recorded.items():
        assert isinstance(lines[0], Opened)
        assert (lines[0].url, lines[0].connection) == (tap.url, name)
        methods = [json.loads(line.frame)["method"] for line in lines if isinstance(line, Sent)]
        assert methods.count("subscribe") == len(methods) >= 1
        times = [line.time_ns for line in lines]
        assert times == sorted(times)
        frames = received(lines)
        # The instants of status messages differ, so the first message tells the connections apart.
        whole = sent.pop(frames[0])
        assert frames == whole[: len(frames)]
    assert sum(len(received(lines)) for lines in recorded.values()) > 500

    # The next collector of the folder completes the files: they have the same lines.
    partials = [path.name.removesuffix(".partial") for path in tape_files(folder)]
    collector = collector_with_tape(stage, redis.url, "ws://127.0.0.1:1", folder)
    collector.wait_for_line("tape file completed", 2)
    assert collector.stop() == 0
    assert [path.name for path in tape_files(folder)] == partials
    assert by_connection(folder) == recorded

    replay = stage.simulator("--replay", str(folder), "--speed", "max")
    other = stage.redis()
    follower = collector_with_tape(stage, other.url, replay.url, tmp_path / "second")
    books = StoredBooks(other.url)
    stage.undo(books.close)
    last = last_checksums(line for lines in recorded.values() for line in lines)
    assert set(last) == set(SYMBOLS)

    def are_equal() -> bool:
        found = {symbol: books.book(symbol).get("checksum") for symbol in SYMBOLS}
        return found == {symbol: str(checksum) for symbol, checksum in last.items()}

    wait_until(are_equal, f"the books have the checksums {last}")
    assert follower.metric("kraken_book_mismatches_total") == 0
    assert follower.stop() == 0
    # What a stop leaves is complete, and has the frames of the first tape.
    again = by_connection(tmp_path / "second")
    assert all(path.name.endswith(".tape.zst") for path in tape_files(tmp_path / "second"))
    books_of = {
        frozenset(frame for frame in received(lines) if b'"channel":"book","type"' in frame)
        for lines in recorded.values()
    }
    assert books_of == {
        frozenset(frame for frame in received(lines) if b'"channel":"book","type"' in frame)
        for lines in again.values()
    }


def test_full_disk_ends_the_tape_and_not_the_collector(stage: Stage, tmp_path: Path) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "2000")
    collector = collector_with_tape(stage, redis.url, simulator.url, tmp_path / "tape")
    collector.wait_until_live(2)
    # No file of this process can become larger: its tape will, its log will not.
    limit = len(collector.log) + 40_000
    resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    line = collector.wait_for_line("tape ended, the collector goes on without it")
    assert "restart the collector" in line["advice"]
    described = collector.get("/healthz").json()["tape"]
    assert described["state"] == "failed"
    assert described["error"] == line["error"]
    assert collector.metric("kraken_book_tape_failed") == 1
    verified = collector.metric("kraken_book_verified_total")
    wait_until(lambda: collector.metric("kraken_book_verified_total") > verified + 100)
    assert collector.live() == 2
    assert collector.stop() == 0
    # All that was flushed before can be read.
    assert all(received(lines) for lines in by_connection(tmp_path / "tape").values())


@pytest.mark.parametrize("place", ["file/tape", "used"])
def test_unusable_folder_of_a_tape_is_refused_in_one_line(
    stage: Stage, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("")
    if place == "used":
        collector_with_tape(
            stage, "redis://127.0.0.1:1", "ws://127.0.0.1:1", tmp_path / place
        ).answers("/healthz")
    refused = stage.refused(
        "collector", COLLECTOR_TAPE=str(tmp_path / place), COLLECTOR_PORT=str(free_port())
    )
    assert refused.wait_for_end() == 2
    (line,) = refused.log.splitlines()
    assert line.startswith(f"COLLECTOR_TAPE={tmp_path / place}: ")
