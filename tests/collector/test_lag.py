"""How far what is read lies behind what happened."""

from __future__ import annotations

from collector.kraken.lag import MOST_LAG_SECONDS, REMEMBERED_SECONDS, FeedLag, LeastDistance
from collector.stamp import Stamp
from kraken_book.times import rfc3339

# The clocks of Kraken and of this machine have nothing in common.
KRAKEN, HERE = 1_785_641_751 * 10**9, 7_000 * 10**9


class Feed:
    """Updates that happen at one second and are read at another."""

    def __init__(self, least: LeastDistance | None = None) -> None:
        self.lag = FeedLag(least or LeastDistance())

    def update(self, happened: float, read: float) -> float:
        steady = HERE + int(read * 1e9)
        self.lag.on_update(rfc3339(KRAKEN + int(happened * 1e9)), Stamp(0, steady))
        return round(self.lag.seconds, 3)


def test_lag_is_how_much_the_distance_grew_whatever_the_clocks_say() -> None:
    feed = Feed()
    assert feed.update(0.0, 0.3) == 0.0
    assert feed.update(1.0, 1.4) == 0.1
    assert feed.update(2.0, 2.25) == 0.0
    assert feed.update(3.0, 5.25) == 2.0
    assert not feed.lag.too_large
    assert feed.update(4.0, 9.5) == 5.25
    assert feed.lag.too_large


def test_what_catches_up_lags_no_more() -> None:
    feed = Feed()
    feed.update(0.0, 0.0)
    assert feed.update(1.0, 1.0 + MOST_LAG_SECONDS) == MOST_LAG_SECONDS
    assert feed.update(6.0, 6.1) == 0.1


def test_one_update_in_fifty_milliseconds_is_looked_at() -> None:
    feed = Feed()
    feed.update(0.0, 0.0)
    assert feed.update(0.0, 0.04) == 0.0
    assert feed.update(0.0, 0.06) == 0.06


def test_another_beginning_has_times_of_its_own() -> None:
    feed = Feed()
    feed.update(100.0, 0.0)
    feed.lag.restart()
    assert feed.update(0.0, 1.0) == 0.0


def test_what_has_no_time_or_none_that_is_one_tells_nothing() -> None:
    feed = Feed()
    feed.update(0.0, 0.0)
    for time in (None, "", "soon", "2026-08-02"):
        feed.lag.on_update(time, Stamp(0, HERE + 10**10))
    assert feed.lag.seconds == 0.0


def test_a_connection_that_lags_from_its_start_is_found_out_by_what_others_saw() -> None:
    least = LeastDistance()
    Feed(least).update(0.0, 0.1)
    assert Feed(least).update(1.0, 9.1) == 8.0


def test_clocks_that_drift_apart_are_no_lag() -> None:
    feed = Feed()
    day, drift = 86_400, 50e-6
    for second in range(0, day, 20):
        assert feed.update(float(second), second * (1 + drift)) < 1.0


def test_the_least_distance_is_remembered_for_minutes() -> None:
    feed = Feed()
    feed.update(0.0, 0.0)
    for second in range(1, int(REMEMBERED_SECONDS)):
        assert feed.update(float(second), second + 6.0) == 6.0
