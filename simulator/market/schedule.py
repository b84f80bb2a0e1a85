"""The times of moves and their symbols: a mean rate, random gaps, and bursts as in a live feed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import accumulate

_BURST_SHARE = 0.2
"""The share of all updates that belong to bursts."""
_BURST_SECONDS = (0.05, 0.15)
_BURST_TIMES = 30
_BURST_PEAK = 6000.0
"""The maximum of updates per second in a burst, unless twice the mean is more.

A burst of 30 times a high mean would exceed the capacity of the machine.
"""


def schedule(weights: Mapping[str, float], rate: float, seed: int) -> Iterator[tuple[float, str]]:
    """Generate moves without end. They depend on the arguments alone.

    Args:
        weights: The relative frequency of each symbol.
        rate: The mean of updates per second over all symbols; 0 for no moves.
        seed: The seed of times and symbols.

    Yields:
        The seconds since the start, which never decrease, and the symbol of each move. Most moves
        of a burst have the same symbol.

    """
    if not rate:
        return
    rng = random.Random(seed)
    symbols = list(weights)
    bounds = list(accumulate(weights.values()))
    peak = max(min(_BURST_TIMES * rate, _BURST_PEAK), 2 * rate)
    burst_mean = max(1.0, peak * sum(_BURST_SECONDS) / 2)
    # The rate between bursts must be higher, because bursts take time too.
    calm_rate = rate * (1 - _BURST_SHARE) / (1 - _BURST_SHARE * rate / peak)
    burst_chance = _BURST_SHARE / (1 - _BURST_SHARE) / burst_mean
    due = 0.0
    while True:
        due += rng.expovariate(calm_rate)
        yield due, rng.choices(symbols, cum_weights=bounds)[0]
        if rng.random() < burst_chance:
            star = rng.choices(symbols, cum_weights=bounds)[0]
            for _ in range(max(1, round(peak * rng.uniform(*_BURST_SECONDS)))):
                due += rng.expovariate(peak)
                other = rng.random() < 0.3
                yield due, rng.choices(symbols, cum_weights=bounds)[0] if other else star


class Schedule:
    """The moves of all markets; more markets can be added at any time.

    Args:
        weights: The relative frequency of each symbol.
        rate: The mean of updates per second over these symbols.
        seed: The seed of times and symbols.

    """

    def __init__(self, weights: Mapping[str, float], rate: float, seed: int) -> None:
        self._moves = schedule(weights, rate, seed)
        self._rate_of_one = rate / sum(weights.values()) if weights else 0.0
        self._seed = seed
        self._last = 0.0

    def __iter__(self) -> Iterator[tuple[float, str]]:
        return self

    def __next__(self) -> tuple[float, str]:
        move = next(self._moves)
        self._last = move[0]
        return move

    def add(self, symbol: str, weight: float) -> None:
        """Add the moves of another symbol from now on; the other moves stay the same."""
        start = self._last
        rate = self._rate_of_one * weight
        added = ((start + due, name) for due, name in schedule({symbol: weight}, rate, self._seed))
        self._moves = merge(self._moves, added)
