"""The schedule of moves keeps its mean rate, has bursts, and depends on its seed alone."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest

from simulator.market.schedule import Schedule, schedule

WEIGHTS = {"BTC/USD": 3.0, "ETH/USD": 1.0}


@pytest.mark.parametrize("rate", [1.0, 100.0, 5000.0])
def test_schedule_keeps_the_mean_rate_including_bursts(rate: float) -> None:
    count = 100_000
    *_, (last, _) = islice(schedule(WEIGHTS, rate, seed=5), count)
    assert count / last == pytest.approx(rate, rel=0.1)


def test_bursts_exceed_the_mean_many_times() -> None:
    per_tenth = Counter(int(due * 10) for due, _ in islice(schedule(WEIGHTS, 100.0, 1), 20_000))
    assert max(per_tenth.values()) > 20 * 10


def test_schedule_is_in_order_and_follows_the_weights() -> None:
    moves = list(islice(schedule(WEIGHTS, 100.0, seed=2), 50_000))
    assert all(one[0] <= other[0] for one, other in pairwise(moves))
    btc = sum(symbol == "BTC/USD" for _, symbol in moves)
    assert btc / len(moves) == pytest.approx(0.75, abs=0.06)


def test_schedule_follows_from_the_seed() -> None:
    def order(seed: int) -> list[tuple[float, str]]:
        return list(islice(schedule(WEIGHTS, 50.0, seed), 500))

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_schedule_at_rate_zero_is_empty() -> None:
    assert list(schedule(WEIGHTS, 0.0, seed=1)) == []


def test_added_symbol_moves_by_its_weight_and_leaves_others_alone() -> None:
    plain = list(islice(schedule(WEIGHTS, 100.0, seed=2), 30_000))
    moves = Schedule(WEIGHTS, 100.0, seed=2)
    before = list(islice(moves, 1_000))
    moves.add("NEW/USD", 1.0)
    after = list(islice(moves, 35_000))
    assert all(one[0] <= other[0] for one, other in pairwise(before + after))
    others = [move for move in before + after if move[1] != "NEW/USD"]
    assert others[:28_000] == plain[:28_000]
    # Weights of 3, 1 and now 1.
    assert 1 - (len(others) - 1_000) / len(after) == pytest.approx(0.2, abs=0.04)


def test_added_symbol_at_rate_zero_never_moves() -> None:
    moves = Schedule(WEIGHTS, 0.0, seed=1)
    moves.add("NEW/USD", 1.0)
    assert list(moves) == []
