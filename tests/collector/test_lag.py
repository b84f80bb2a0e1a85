"""How far what is read lies behind what happened."""

from __future__ import annotations

import pytest

from collector.kraken.lag import (
    LOOKS,
    MOST_LAG_SECONDS,
    REMEMBERED_SECONDS,
    FeedLag,
    FeedLagging,
    LeastDistance,
)
from collector.stamp import Stamp
from kraken_book.times import rfc3339

# The clocks of Kraken and of this machine have nothing in common.
KRAKEN, HERE = 1_785_641_751 * 10**9, 7_000 * 10**9


class Feed:
    """Updates that happen at one second and are read at another; each is looked at."""

    def __init__(self, least: LeastDistance | None = None) -> None:
        self.lag = FeedLag(least or LeastDistance())

    def update(self, happened: float, read: float, symbol: str = "BTC/USD") -> float:
        steady = HERE + int(read * 1e9)
        self.lag.on_update(symbol, rfc3339(KRAKEN + int(happened * 1e9)), Stamp(0, steady))
        return round(self.lag.seconds, 3)

    def updates(self, first: float, late: float, count: int = LOOKS) -> float:
        """So many, one a second, each read so late; the lag after the last."""
        return [self.update(first + n, first + n + late) for n in range(count)][-1]


def test_lag_is_how_much_the_distance_grew_whatever_the_clocks_say() -> None:
    feed = Feed()
    assert feed.updates(0, late=0.3) == 0.0
    assert feed.updates(10, late=0.4) == 0.1
    assert feed.updates(20, late=0.25) == 0.0
    assert feed.updates(30, late=2.25) == 2.0
    with pytest.raises(FeedLagging, match=r"5\.5 s old"):
        feed.updates(40, late=5.75)


def test_what_catches_up_lags_no_more() -> None:
    feed = Feed()
    feed.updates(0, late=0.0)
    assert feed.updates(10, late=MOST_LAG_SECONDS) == MOST_LAG_SECONDS
    assert feed.updates(20, late=0.1) == 0.1


@pytest.mark.parametrize("wrong", [-3600.0, 300.0])
def test_no_time_that_is_senseless_decides_alone(wrong: float) -> None:
    least = LeastDistance()
    feed = Feed(least)
    feed.updates(0, late=0.1)
    assert feed.update(20, 20 + wrong) < 0.2
    assert feed.updates(30, late=0.1) == 0.0
    assert Feed(least).updates(50, late=0.1) == 0.0, "nor for another connection"


def test_where_there_are_more_symbols_one_alone_is_not_believed() -> None:
    feed = Feed()
    for second in range(0, 60, 3):
        feed.update(second, second + 0.1, "BTC/USD")
        feed.update(second + 1, second + 1.1, "ETH/USD")
        # Five minutes old, as its time says.
        assert feed.update(second - 298, second + 2.1, "BAD/USD") < 0.2


def test_one_update_in_fifty_milliseconds_is_looked_at() -> None:
    feed = Feed()
    for number in range(100):
        feed.update(0.0, number * 0.001)
    assert feed.lag.seconds == 0.0, "two looks are not enough"


def test_another_beginning_has_times_of_its_own() -> None:
    feed = Feed()
    feed.updates(100, late=-100.0)
    feed.lag.restart()
    assert feed.updates(0, late=1.0) == 0.0


def test_what_has_no_time_or_none_that_is_one_tells_nothing() -> None:
    feed = Feed()
    feed.updates(0, late=0.0)
    for time in (None, "", "soon", "2026-08-02"):
        feed.lag.on_update("BTC/USD", time, Stamp(0, HERE + 10**11))
    assert feed.lag.seconds == 0.0


def test_a_connection_that_lags_from_its_start_is_found_out_by_what_others_saw() -> None:
    least = LeastDistance()
    Feed(least).updates(0, late=0.1)
    with pytest.raises(FeedLagging):
        Feed(least).updates(10, late=8.1)


def test_clocks_that_drift_apart_are_no_lag() -> None:
    feed = Feed()
    day, drift = 86_400, 50e-6
    for second in range(0, day, 20):
        assert feed.update(float(second), second * (1 + drift)) < 1.0


def test_the_least_distance_is_remembered_for_minutes() -> None:
    feed = Feed()
    feed.updates(0, late=0.0)
    assert feed.updates(10, late=4.0, count=int(REMEMBERED_SECONDS) - 10) == 4.0
