"""A change of a venue that sends whole books: read it, apply it, find its difference of the window.

The book has 45,000 levels of a side, as Coinbase's largest; most changes are near its best price,
and two in five remove a level. CPU time is of this process.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from statistics import median
from time import process_time

from bench.report.goals import DEEP_BOOK
from bench.report.rows import Row
from bench.suite import Progress
from collector.venues.sequenced.book.deep_side import DeepSide
from collector.venues.sequenced.book.numbers import read_level
from kraken_book.precision import Precision

DEPTHS = (10, 100, 1000)
LEVELS = 45_000
CHANGES = 40_000
ROUNDS = 5
# The mean distance of a change from the best price, in levels.
MEAN_DISTANCE = 200
PRECISION = Precision(2, 8)
BEST_TICKS, STEP = 7_885_000, 3

Text = tuple[str, str]


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Apply the same changes to a side of each depth, in turns; yield the medians."""
    rounds = max(2, int(ROUNDS * scale))
    changes = _changes(random.Random(1))
    progress.expect(rounds)
    taken: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for depth in DEPTHS:
            taken[depth].append(_apply(depth, changes))
    for depth, times in taken.items():
        yield Row(
            what=f"one change, {LEVELS:,} levels of a side, {depth:,} published",
            ours=median(times) / len(changes) * 1e6,
            unit="us",
            goal=DEEP_BOOK,
        )


def _changes(choice: random.Random) -> list[Text]:
    changes = []
    for _ in range(CHANGES):
        ticks = BEST_TICKS + STEP * int(choice.expovariate(1 / MEAN_DISTANCE))
        qty = "0" if choice.random() < 0.4 else f"{choice.randint(1, 10**8 - 1) / 1e8:.8f}"
        # Coinbase writes no zeros at the end.
        changes.append((f"{ticks / 100:.2f}".rstrip("0").rstrip("."), qty))
    return changes


def _apply(depth: int, changes: list[Text]) -> float:
    side = DeepSide(1, depth, PRECISION)
    side.replace([(BEST_TICKS + STEP * at, "0.50000000") for at in range(LEVELS)])
    began = process_time()
    for price, qty in changes:
        side.apply([read_level(price, qty, PRECISION)])
    return process_time() - began
