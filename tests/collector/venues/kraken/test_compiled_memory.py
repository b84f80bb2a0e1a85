"""Many frames through the compiled path: the memory stays flat, and no reference is leaked.

`KRAKEN_BOOK_FRAMES=100000000` sends as many.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.hot_path import HotPath
from collector.feed.lag import LagMemory
from collector.feed.timestamp import Timestamp
from collector.publish.event_queue import EventQueue, QueueLimit
from collector.venues.kraken.session import KrakenSession
from lab.frame_mutations import DAMAGES, damage
from lab.naive_book import NaiveBook, TextLevel
from lab.session_script import (
    START_STEADY_NS,
    START_UNIX_NS,
    Pair,
    book_frame,
    instruments_frame,
    iso_time,
)

FRAMES = int(os.environ.get("KRAKEN_BOOK_FRAMES", "1000000"))
PAIRS = (Pair("BTC/USD", 1, 8, 633_810), Pair("ETH/USD", 2, 8, 345_678))
READ_AT = Timestamp(START_UNIX_NS, START_STEADY_NS)
TIME = iso_time(START_UNIX_NS - 10**8)
STATM = Path("/proc/self/statm")


class Circle:
    """A session, and updates that lead its books back to where they were.

    All prices and quantities of a round differ from each other, and each removes or replaces one.
    """

    def __init__(self, path: HotPath, depth: int = 25) -> None:
        books = {p.symbol: SymbolBook(p.symbol, depth, "simulated", path=path) for p in PAIRS}
        self.books = books
        self._path, self._depth = path, depth
        limit = QueueLimit(10_000, 20_000)
        self.woken = 0
        self.queues = [EventQueue(book, limit, self._wake) for book in books.values()]
        self.snapshots, self.updates = self._round(depth)
        self.session = self._open_session()
        for queue in self.queues:
            queue.open(1)
        self.restart()

    def restart(self) -> None:
        """Start another session, with the books as they were in the beginning."""
        self.session = self._open_session()
        self.begin(instruments_frame(PAIRS), *self.snapshots)
        # One update in 50 ms is sampled for the lag, which Python does.
        empty = b'"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[],"checksum"'
        self.begin(re.sub(rb'"snapshot".*"checksum"', empty, self.snapshots[0]))

    def _open_session(self) -> KrakenSession:
        resyncs = SharedBudget(50, 10.0).join()
        session = KrakenSession(
            self.books, self._depth, 300.0, resyncs, LagMemory(), lambda *_: True, self._path
        )
        session.open(READ_AT.steady / 1e9)
        return session

    def begin(self, *frames: bytes) -> None:
        for frame in frames:
            for _ in self.session.begin(frame, READ_AT) or ():
                pass

    def take(self, frames: list[bytes]) -> None:
        at = 0
        while (at := self.session.take_plain(frames, at, READ_AT)) < len(frames):
            self.begin(frames[at])
            at += 1

    def drain(self) -> int:
        """Take all events, and return their number."""
        taken = 0
        for queue in self.queues:
            while (batch := queue.take_batch()) is not None:
                taken += sum(len(run.data) for run in batch.runs)
        return taken

    def _wake(self) -> None:
        self.woken += 1

    @staticmethod
    def _round(depth: int) -> tuple[list[bytes], list[bytes]]:
        snapshots, updates = [], []
        for pair in PAIRS:
            naive = NaiveBook(depth)

            def text(ticks: int, decimals: int = pair.price) -> str:
                return f"{ticks // 10**decimals}.{ticks % 10**decimals:0{decimals}d}"

            for n in range(40):
                naive.frame(
                    [(text(pair.mid - 1 - n), "1.00000000")], [(text(pair.mid + n), "2.00000000")]
                )
            sides = (naive.bids, naive.asks)
            snapshots.append(book_frame("snapshot", pair.quoted, *sides, naive.checksum, TIME))
            for n in range(500):
                bids = [
                    (text(pair.mid - 1 - n % 20), f"{n % 7}.{n:08d}" if n % 7 else "0.00000000")
                ]
                asks = [(text(pair.mid + (n * 3) % 30), f"{n % 5 + 1}.{n:08d}")] if n % 2 else []
                naive.frame(bids, asks)
                updates.append(book_frame("update", pair.quoted, bids, asks, naive.checksum, TIME))
            updates.append(_back(pair, naive, sides))
        half = len(updates) // 2
        pairs = zip(updates[:half], updates[half:], strict=False)
        return snapshots, [frame for two in pairs for frame in two]


def _back(pair: Pair, naive: NaiveBook, sides: tuple[list[tuple[str, str]], ...]) -> bytes:
    """Return the update that restores `sides`."""
    changed: list[list[TextLevel]] = []
    for now, before in zip((naive.bids, naive.asks), sides, strict=True):
        prices = {price for price, _ in before}
        changed.append(
            [*before, *((price, "0.00000000") for price, _ in now if price not in prices)]
        )
    naive.frame(*changed)
    assert (naive.bids, naive.asks) == sides
    bids, asks = changed
    return book_frame("update", pair.quoted, bids, asks, naive.checksum, TIME)


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not STATM.exists(), reason="only Linux shows the memory of a process")
def test_memory_is_flat_over_a_million_frames(compiled: HotPath) -> None:
    circle = Circle(compiled)
    for _ in range(20):
        circle.take(circle.updates)
        circle.drain()
    gc.collect()
    blocks, resident = sys.getallocatedblocks(), resident_bytes()
    events = 0
    rounds = FRAMES // len(circle.updates) + 1
    for _ in range(rounds):
        circle.take(circle.updates)
        events += circle.drain()
    gc.collect()
    assert events == rounds * len(circle.updates), "each frame is one event"
    assert all(book.is_live for book in circle.books.values())
    # One block in a thousand frames, or one byte a frame, would be seen.
    assert sys.getallocatedblocks() - blocks < FRAMES // 1000
    assert resident_bytes() - resident < max(2**20, FRAMES)


def blocks_per_call(action: Callable[[], object], calls: int) -> float:
    """Return how many memory blocks a call leaves behind, on average, after the first calls."""
    for _ in range(3):
        action()
    gc.collect()
    blocks = sys.getallocatedblocks()
    for _ in range(calls):
        action()
    gc.collect()
    return (sys.getallocatedblocks() - blocks) / calls


def test_frames_that_are_not_taken_leak_nothing(compiled: HotPath) -> None:
    circle = Circle(compiled)
    frames = []
    for which, where in product(range(len(DAMAGES)), range(0, 250, 6)):
        damaged = damage(circle.updates[0], which, where, where)
        if circle.session.take_plain([damaged], 0, READ_AT):
            circle.restart()
            circle.drain()
        else:
            frames.append(damaged)
    assert len(frames) > 300

    def try_all() -> None:
        for frame in frames:
            assert circle.session.take_plain([frame], 0, READ_AT) == 0

    assert blocks_per_call(try_all, 50) < 1


def test_frames_that_lead_to_a_wrong_book_leak_nothing(compiled: HotPath) -> None:
    circle = Circle(compiled)
    wrong = re.sub(rb'"checksum":\d+', b'"checksum":1', circle.updates[0])

    def be_wrong() -> None:
        assert circle.session.take_plain([wrong], 0, READ_AT) == 1
        assert not circle.books["BTC/USD"].is_live
        circle.restart()
        circle.drain()

    with capture_logs():
        assert blocks_per_call(be_wrong, 50) < 40


def test_books_that_come_and_go_leak_nothing(compiled: HotPath) -> None:
    circle = Circle(compiled)

    def come_and_go() -> None:
        circle.restart()
        circle.take(circle.updates[:300])
        assert circle.books["BTC/USD"].is_live
        for queue in circle.queues:
            queue.close()
            queue.open(1)
        circle.take(circle.updates[300:])
        circle.drain()

    with capture_logs():
        assert blocks_per_call(come_and_go, 20) < 40


def test_arguments_keep_no_reference_after_a_batch(compiled: HotPath) -> None:
    circle = Circle(compiled)
    circle.take(circle.updates)
    circle.drain()
    frames = [bytes(bytearray(frame)) for frame in circle.updates]
    read_at = Timestamp(READ_AT.unix + 1, READ_AT.steady)
    counts = [sys.getrefcount(frame) for frame in frames]
    assert circle.session.take_plain(frames, 0, read_at) == len(frames)
    circle.drain()
    assert [sys.getrefcount(frame) for frame in frames] == counts
    # Each book keeps the time of its newest frame, and nothing else does.
    before = sys.getrefcount(read_at)
    circle.session.take_plain(circle.updates, 0, Timestamp(READ_AT.unix + 2, READ_AT.steady))
    circle.drain()
    assert sys.getrefcount(read_at) == before - len(PAIRS)
