"""The mids of the last five minutes, and the line of blocks that shows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

SAMPLE_SECONDS = 5.0
MAX_SAMPLES = 60
GAP = "·"
_BLOCKS = "▁▂▃▄▅▆▇█"
_FLAT = "▄"

Mid = Decimal | None
"""A mid, or None if the book was not live."""


class MidHistory:
    """The mids of some books, one sample in five seconds, for five minutes."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[Mid]] = {}
        self._next_at = float("-inf")

    def record(self, now: float, symbols: Iterable[str], mid: Callable[[str], Mid]) -> None:
        """Record a sample of each of `symbols` if it is due, and forget all other symbols.

        Args:
            now: The current time of a monotonic clock.
            symbols: The symbols.
            mid: Returns the mid of a symbol.
        """
        if now < self._next_at:
            return
        # A suspended program has missed samples. They are gaps.
        missed = 0
        if self._next_at != float("-inf"):
            missed = min(int((now - self._next_at) // SAMPLE_SECONDS), MAX_SAMPLES)
            self._next_at += (missed + 1) * SAMPLE_SECONDS
        if self._next_at <= now:
            self._next_at = now + SAMPLE_SECONDS
        before, self._samples = self._samples, {}
        for symbol in symbols:
            samples, value = before.get(symbol), mid(symbol)
            if samples is None:
                # The samples begin with the first mid.
                if value is None:
                    continue
                samples = deque(maxlen=MAX_SAMPLES)
            else:
                samples.extend([None] * missed)
            samples.append(value)
            self._samples[symbol] = samples

    def of(self, symbol: str) -> Sequence[Mid]:
        """Return the samples of a symbol, oldest first."""
        return self._samples.get(symbol, ())


def sparkline(samples: Sequence[Mid], width: int) -> str:
    """Return a line of blocks of at most `width` cells from the lowest to the highest mid.

    A block is the last mid of its samples, a point means that there is none. The line is empty if
    fewer than two samples have a mid.
    """
    known = [mid for mid in samples if mid is not None]
    if len(known) < 2 or width < 2:
        return ""
    cells, count = min(width, len(samples)), len(samples)
    low, high = min(known), max(known)
    blocks = ""
    for cell in range(cells):
        part = [samples[i] for i in range(cell * count // cells, (cell + 1) * count // cells)]
        last = next((mid for mid in reversed(part) if mid is not None), None)
        if last is None:
            blocks += GAP
        elif low == high:
            blocks += _FLAT
        else:
            blocks += _BLOCKS[int((last - low) * (len(_BLOCKS) - 1) / (high - low))]
    return blocks
