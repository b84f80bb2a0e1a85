"""When which market moves: a mean rate, random gaps, and bursts as in a live feed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import accumulate

_BURST_SHARE = 0.2
"""The share of all updates that comes in bursts."""
_BURST_SECONDS = (0.05, 0.15)
_BURST_TIMES = 30
_BURST_PEAK = 6000.0
"""The maximum of updates per second in a burst, unless twice the mean is more: 30 times a high
mean would only measure the machine."""


def schedule(weights: Mapping[str, float], rate: float, seed: int) -> Iterator[tuple[float, str]]:
    """Generate the moves without end, as seconds since the start and symbol, in order.

    Most moves of a burst are of one symbol. The moves follow from the arguments alone.

    Args:
        weights: How often each symbol moves, relative to the others.
        rate: The mean in updates per second over all symbols; at 0 nothing moves.
        seed: The seed of times and symbols.

    """
    if not rate:
        return
    rng = random.Random(seed)
    symbols = list(weights)
    bounds = list(accumulate(weights.values()))
    peak = max(min(_BURST_TIMES * rate, _BURST_PEAK), 2 * rate)
    burst_mean = max(1.0, peak * sum(_BURST_SECONDS) / 2)
    # Bursts take time too, so the rate between them must be a little higher.
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
        weights: How often each symbol moves, relative to the others.
        rate: The mean in updates per second over these symbols.
        seed: The same seed makes the same moves.

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
        """Add the moves of one more symbol from now on; those of the others stay the same."""
        start = self._last
        rate = self._rate_of_one * weight
        added = ((start + due, name) for due, name in schedule({symbol: weight}, rate, self._seed))
        self._moves = merge(self._moves, added)
