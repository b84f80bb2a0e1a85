"""The core alone: from the bytes of a frame to a verified book, in microseconds, by step.

    python -m bench.core

Frames are Kraken's own where recordings of them are at hand (`--frames FILE`, a frame a line), else
the simulator's, made beforehand. Nothing but the core runs, in one thread; of many passes over all
frames the best counts, since on a shared machine every other one was disturbed. The yardstick, in
the same run, is the standard library's `json.loads` of the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from bench.tape import Rate, Tape
from collector.kraken.frames import BookFrame, FrameError, decode_frame, level_pairs
from kraken_book.book import Book
from kraken_book.precision import Precision

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"
PASSES = 40
SYMBOL = "BTC/USD"
PRECISION = Precision(1, 8)


class Core(NamedTuple):
    """What one frame costs, in microseconds: the whole, and up to the end of each step."""

    frames: int
    decoded: float
    texts: float
    levels: float
    applied: float
    verified: float
    json_loads: float


def main() -> int:
    """Measure and print; the figures decide nothing."""
    parser = argparse.ArgumentParser(description="The core alone, by step.")
    parser.add_argument("--frames", type=Path, help="a file with one frame a line")
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--passes", type=int, default=PASSES)
    options = parser.parse_args()
    frames, origin = frames_of(options.frames, options.depth)
    core = measure(frames, options.depth, options.passes)
    print(f"{core.frames} frames of {origin}, depth {options.depth}")
    for line in table(core):
        print(line)
    return 0


def frames_of(path: Path | None, depth: int) -> tuple[list[bytes], str]:
    """Book frames of one symbol from a snapshot on, and where they come from."""
    recorded = path or RECORDINGS / f"kraken-btcusd-depth{depth}.jsonl"
    if path is not None or recorded.is_file():
        frames = [line for line in recorded.read_bytes().splitlines() if _is_book(line)]
        first = next(n for n, frame in enumerate(frames) if b'"snapshot"' in frame)
        return frames[first:], recorded.name
    tape = Tape([SYMBOL], [Rate(2000.0, 1.0)], depth=depth)
    return list(tape.frames(SYMBOL)), "the simulator's"


def measure(frames: Sequence[bytes], depth: int, passes: int) -> Core:
    """What each step costs, one more at a time."""
    steps = [
        lambda: _decode(frames),
        lambda: _texts(frames),
        lambda: _levels(frames, depth),
        lambda: _apply(frames, depth, is_verified=False),
        lambda: _apply(frames, depth, is_verified=True),
        lambda: _json_loads(frames),
    ]
    best = [float("inf")] * len(steps)
    for _ in range(passes):
        for number, step in enumerate(steps):
            best[number] = min(best[number], _seconds(step))
    return Core(len(frames), *[seconds / len(frames) * 1e6 for seconds in best])


def table(core: Core) -> Iterator[str]:
    """The figures for people."""
    steps = {
        "decode": core.decoded,
        "texts of the levels": core.texts - core.decoded,
        "ticks, lots, rendering": core.levels - core.texts,
        "apply": core.applied - core.levels,
        "checksum": core.verified - core.applied,
    }
    for name, cost in steps.items():
        yield f"  {name:24} {cost:6.2f} us  {cost / core.verified:4.0%}"
    yield f"  {'bytes to verified book':24} {core.verified:6.2f} us"
    times = core.verified / core.json_loads
    yield f"  {'json.loads alone':24} {core.json_loads:6.2f} us, the core {times:.2f} times that"


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


def _texts(frames: Sequence[bytes]) -> None:
    for data in frames:
        for entry in _book_frame(data).data:
            level_pairs(entry.bids)
            level_pairs(entry.asks)


def _levels(frames: Sequence[bytes], depth: int) -> None:
    book = Book(SYMBOL, depth, PRECISION)
    for data in frames:
        for entry in _book_frame(data).data:
            book.levels(level_pairs(entry.bids))
            book.levels(level_pairs(entry.asks))


def _apply(frames: Sequence[bytes], depth: int, *, is_verified: bool) -> None:
    book = Book(SYMBOL, depth, PRECISION)
    for data in frames:
        frame = _book_frame(data)
        take = book.replace if frame.type == "snapshot" else book.update
        for entry in frame.data:
            take(book.levels(level_pairs(entry.bids)), book.levels(level_pairs(entry.asks)))
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


if __name__ == "__main__":
    sys.exit(main())
