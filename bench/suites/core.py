"""The core alone, in microseconds for a frame, in one thread.

First the pure path from the bytes of a frame to a verified book, by step. It is compared with the
standard library's `json.loads` of the same bytes in the same run. Then a session, from the bytes to
an event that waits to be written: compiled with frames in batches, as a busy connection has them,
or a frame a call, and pure. A snapshot begins each book, and is not timed there.

Frames are Kraken's own if there is a recording at this depth, otherwise the simulator's. The best
of many passes over all frames counts, because other work on the machine disturbs single passes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from bench.load.live_session import LiveSession
from bench.load.tape import Rate, Tape
from bench.report.goals import CORE, CORE_BATCH
from bench.report.rows import Goal, Row
from bench.suite import Progress
from collector.feed.hot_path import PURE, HotPath, compiled_path
from collector.venues.kraken.book_feed import parse_levels
from collector.venues.kraken.frames import BookFrame, FrameError, decode_frame
from kraken_book.book import Book
from kraken_book.precision import Precision
from kraken_book.speedups import compiled
from lab.recordings import find_recording

PASSES = 40
TOLD_EVERY = 5
SYMBOL = "BTC/USD"
PRECISION = Precision(1, 8)
BATCH_FRAMES = 256
DEPTHS = (10, 1000)


@dataclass(frozen=True)
class Core:
    """The time of one frame in microseconds: in total, and up to the end of each step."""

    frames: int
    origin: str
    depth: int
    decoded: float
    levels: float
    applied: float
    verified: float
    json_loads: float

    @property
    def steps(self) -> dict[str, float]:
        """The time of each step."""
        return {
            "decode": self.decoded,
            "levels": self.levels - self.decoded,
            "apply": self.applied - self.levels,
            "checksum": self.verified - self.applied,
        }

    def rows(self) -> Iterator[Row]:
        """Yield the time of a frame beside `json.loads`, and of each step beside the total."""
        yield Row(
            what="a frame's bytes to a verified book, pure",
            ours=self.verified,
            unit="us",
            beside="json.loads",
            theirs=self.json_loads,
            ratio=self.verified / self.json_loads,
            goal=CORE,
        )
        for name, cost in self.steps.items():
            yield Row(
                what=f"  {name}",
                ours=cost,
                unit="us",
                beside="the whole",
                theirs=self.verified,
                ratio=cost / self.verified,
            )
        what = f"{self.frames:,} frames of {self.origin}, depth {self.depth:,}"
        yield Row(what=what, is_detail=True)


class Way(NamedTuple):
    """A way from frames to events: the path, None if it is not installed, and frames a call."""

    name: str
    path: HotPath | None
    frames: int
    goal: Goal | None = None


_COMPILED = None if compiled is None else compiled_path()
WAYS = (
    Way(f"compiled, {BATCH_FRAMES} a call", _COMPILED, BATCH_FRAMES, CORE_BATCH),
    Way("compiled, a frame a call", _COMPILED, 1),
    Way("pure", PURE, 1),
)


def measure(scale: float, progress: Progress, depth: int = 10) -> Iterator[Row]:
    """Measure the steps of the pure path, then frame to event at this depth and the greatest."""
    passes = max(2, int(PASSES * scale))
    depths = sorted({depth, *DEPTHS})
    progress.expect(-(-passes // TOLD_EVERY) + len(depths))
    yield from _measure_steps(passes, progress, depth)
    for each in depths:
        progress(f"frame to event at depth {each}")
        yield from _measure_events(passes, each)


def _measure_steps(passes: int, progress: Progress, depth: int) -> Iterator[Row]:
    """Measure with an increasing number of steps; the difference is the time of a step."""
    data, origin = frames_of(depth)
    steps = [
        lambda: _decode(data),
        lambda: _levels(data),
        lambda: _apply(data, depth, is_verified=False),
        lambda: _apply(data, depth, is_verified=True),
        lambda: _json_loads(data),
    ]
    best = [float("inf")] * len(steps)
    for number in range(passes):
        if number % TOLD_EVERY == 0:
            progress(f"pass {number + 1} of {passes}")
        for each, step in enumerate(steps):
            best[each] = min(best[each], _seconds(step))
    costs = [seconds / len(data) * 1e6 for seconds in best]
    return Core(len(data), origin, depth, *costs).rows()


def _measure_events(passes: int, depth: int) -> Iterator[Row]:
    data, origin = frames_of(depth)
    books = list(_books(data))
    updates = sum(len(its) for _, its in books)
    best: dict[Way, float] = {}
    for _ in range(passes):
        for way in WAYS:
            if way.path is not None:
                # A new session, because the times of the frames begin again.
                session = LiveSession(way.path, SYMBOL, PRECISION, depth)
                seconds = _events(session, books, way.frames)
                best[way] = min(best.get(way, seconds), seconds)
    for way in WAYS:
        what = f"a frame's bytes to an event, depth {depth:,}, {way.name}"
        if way in best:
            cost, note = best[way] / updates * 1e6, f"{updates:,} updates of {origin}"
            yield Row(what=what, ours=cost, unit="us", goal=way.goal, note=note)
        elif way.goal is not None:
            yield Row(what=what, goal=way.goal, not_measured="the compiled module is not installed")


def _books(frames: Sequence[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield each snapshot with the updates after it."""
    begins = [n for n, frame in enumerate(frames) if b'"type":"snapshot"' in frame]
    for begin, end in zip(begins, [*begins[1:], len(frames)], strict=True):
        yield frames[begin], list(frames[begin + 1 : end])


def _events(session: LiveSession, books: Sequence[tuple[bytes, list[bytes]]], size: int) -> float:
    """Return the seconds from all updates to their events."""
    seconds = 0.0
    for snapshot, updates in books:
        session.begin_book(snapshot)
        batches = [updates[first : first + size] for first in range(0, len(updates), size)]
        begun = perf_counter()
        for batch in batches:
            session.process(batch)
        seconds += perf_counter() - begun
        session.take_events(updates)
    return seconds


def frames_of(depth: int) -> tuple[list[bytes], str]:
    """Return book frames of one symbol, beginning with a snapshot, and their origin."""
    recorded = find_recording(f"kraken-btcusd-depth{depth}.jsonl")
    if recorded is not None:
        frames = [line for line in recorded.read_bytes().splitlines() if _is_book(line)]
        first = next(n for n, frame in enumerate(frames) if b'"snapshot"' in frame)
        return frames[first:], recorded.name
    tape = Tape([SYMBOL], [Rate(2000.0, 1.0)], depth=depth)
    return list(tape.frames(SYMBOL)), "the simulator's"


def _seconds(step: Callable[[], None]) -> float:
    begun = perf_counter()
    step()
    return perf_counter() - begun


def _decode(frames: Sequence[bytes]) -> None:
    for data in frames:
        decode_frame(data)


def _json_loads(frames: Sequence[bytes]) -> None:
    for data in frames:
        json.loads(data)


def _levels(frames: Sequence[bytes]) -> None:
    for data in frames:
        for entry in _book_frame(data).data:
            parse_levels(entry, PRECISION)


def _apply(frames: Sequence[bytes], depth: int, *, is_verified: bool) -> None:
    book = Book(SYMBOL, depth, PRECISION)
    for data in frames:
        frame = _book_frame(data)
        take = book.replace if frame.type == "snapshot" else book.update
        for entry in frame.data:
            take(*parse_levels(entry, PRECISION))
            if is_verified:
                book.verify(entry.checksum)


def _book_frame(data: bytes) -> BookFrame:
    frame = decode_frame(data)
    assert isinstance(frame, BookFrame)
    return frame


def _is_book(line: bytes) -> bool:
    try:
        return isinstance(decode_frame(line), BookFrame)
    except FrameError:
        return False
