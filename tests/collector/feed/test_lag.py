"""The lag of a feed, distinguished from clocks that are wrong or step."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from collector.feed.lag import (
    MAX_LAG,
    MAX_SAMPLES,
    FeedLag,
    FeedLagging,
    FeedSilent,
    LagMemory,
    Watchdog,
)
from collector.feed.timestamp import Timestamp
from kraken_book.timestamps import rfc3339

# Kraken's clock and our steady clock have different origins.
KRAKEN, HERE = 1_785_641_751 * 10**9, 7_000 * 10**9
SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")


class Feed:
    """A connection with updates that happen at one time and are read at another, in seconds."""

    def __init__(self, memory: LagMemory | None = None) -> None:
        self.lag = FeedLag(memory or LagMemory())

    def answer(self, asked: float, read: float) -> None:
        self.lag.on_answer(HERE + int(asked * 1e9), HERE + int(read * 1e9))

    def update(self, happened: float, read: float, symbol: str = "BTC/USD") -> float:
        steady = HERE + int(read * 1e9)
        self.lag.on_update(symbol, rfc3339(KRAKEN + int(happened * 1e9)), Timestamp(0, steady))
        return round(self.lag.seconds, 3)

    def updates(self, first: float, late: float, count: int = MAX_SAMPLES) -> float:
        """Read one update a second, each `late` seconds after it happened; return the lag."""
        return [self.update(first + n, first + n + late) for n in range(count)][-1]

    def run(
        self,
        first: float,
        seconds: float,
        ahead: Callable[[str, float], float] = lambda _symbol, _at: 0.0,
        symbols: tuple[str, ...] = SYMBOLS,
        every: float = 0.1,
    ) -> float:
        """Read updates of `symbols` in turn, with clocks `ahead`; return the largest lag."""
        most, at, number = 0.0, first, 0
        while at < first + seconds:
            symbol = symbols[number % len(symbols)]
            most = max(most, self.update(at + ahead(symbol, at), at, symbol))
            at, number = at + every, number + 1
        return most


# Lag


def test_lag_is_the_growth_of_the_distance() -> None:
    feed = Feed()
    assert feed.updates(0, late=0.3) == 0.0
    assert feed.updates(10, late=0.4) == pytest.approx(0.1, abs=0.03)
    assert feed.updates(20, late=0.25) == 0.0
    assert feed.updates(30, late=2.25) == pytest.approx(2.0, abs=0.03)
    with pytest.raises(FeedLagging, match=r"5\.[45] s old"):
        feed.updates(40, late=5.75)


def test_lag_falls_when_the_feed_catches_up() -> None:
    feed = Feed()
    feed.updates(0, late=0.0)
    assert feed.updates(10, late=MAX_LAG) == pytest.approx(MAX_LAG, abs=0.05)
    assert feed.updates(24, late=0.1) == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("symbols", [SYMBOLS, SYMBOLS[:1], tuple(f"C{n}/USD" for n in range(300))])
def test_growing_delay_of_frames_is_lag(symbols: tuple[str, ...]) -> None:
    feed = Feed()
    feed.run(0, 10, symbols=symbols)
    with pytest.raises(FeedLagging):
        feed.run(10, 20, lambda _, at: -(at - 10) / 2, symbols=symbols)


@pytest.mark.parametrize("symbols", [SYMBOLS, SYMBOLS[:1], tuple(f"C{n}/USD" for n in range(300))])
def test_delay_after_a_silence_is_lag(symbols: tuple[str, ...]) -> None:
    feed = Feed()
    feed.run(0, 10, symbols=symbols)
    with pytest.raises(FeedLagging):
        feed.run(17, 5, lambda _symbol, _at: -7.0, symbols=symbols)


def test_burst_that_catches_up_at_once_is_not_lag() -> None:
    feed = Feed()
    feed.run(0, 10)
    # Frames that waited for seven seconds are read within 0.1 s.
    for number in range(70):
        feed.update(10 + number / 10, 17 + number / 700, SYMBOLS[number % 3])
    assert feed.run(17.2, 10) < 1


def test_updates_within_fifty_milliseconds_are_one_sample() -> None:
    feed = Feed()
    for number in range(100):
        feed.update(0.0, number * 0.001)
    assert feed.lag.seconds == 0.0, "two samples are too few"


def test_update_without_a_valid_time_is_no_sample() -> None:
    feed = Feed()
    feed.updates(0, late=0.0)
    for time in (None, "", "soon", "2026-08-02", "0000-00-00T00:00:00Z", "10000-01-01T00:00:00Z"):
        feed.lag.on_update("BTC/USD", time, Timestamp(0, HERE + 10**11))
    assert feed.lag.seconds == 0.0


def test_drift_of_clocks_is_not_lag() -> None:
    feed = Feed()
    day, drift = 86_400, 50e-6
    for second in range(0, day, 20):
        assert feed.update(float(second), second * (1 + drift)) < 1.0


def test_jitter_of_many_symbols_does_not_add_up() -> None:
    feed, chance = Feed(), random.Random(5)
    symbols = tuple(f"C{n}/USD" for n in range(50))
    assert feed.run(0, 1000, lambda _symbol, _at: -chance.random() / 5, symbols) < 0.5


# Wrong clocks


@pytest.mark.parametrize("symbols", [SYMBOLS, SYMBOLS[:2], SYMBOLS[:1]])
@pytest.mark.parametrize(("seconds", "every"), [(2, 0.05), (2, 0.3), (30, 2.0), (700, 2.0)])
@pytest.mark.parametrize("step", [12.0, -12.0, 3600.0, -3600.0])
def test_step_of_a_clock_and_back_is_not_lag(
    step: float, seconds: float, every: float, symbols: tuple[str, ...]
) -> None:
    feed = Feed()
    feed.run(0, 20, symbols=symbols, every=every)
    assert feed.run(20, seconds, lambda _symbol, _at: step, symbols, every) < 1
    assert feed.run(20 + seconds, 60, symbols=symbols, every=every) < 1


@pytest.mark.parametrize("step", [12.0, -12.0])
def test_step_of_a_clock_is_not_lag_with_many_symbols(step: float) -> None:
    feed, symbols = Feed(), tuple(f"C{n}/USD" for n in range(1000))
    feed.run(0, 60, symbols=symbols, every=0.05)
    assert feed.run(60, 2, lambda _symbol, _at: step, symbols, 0.05) < 1
    assert feed.run(62, 120, symbols=symbols, every=0.05) < 1


def test_lag_is_detected_after_a_step_of_a_clock() -> None:
    feed = Feed()
    feed.run(0, 10)
    feed.run(10, 10, lambda _symbol, _at: 12.0)
    with pytest.raises(FeedLagging):
        feed.run(20, 20, lambda _, at: 12.0 - (at - 20) / 2)


@pytest.mark.parametrize("symbols", [SYMBOLS, SYMBOLS[:1]])
def test_clock_that_stands_still_is_not_lag(symbols: tuple[str, ...]) -> None:
    feed = Feed()
    assert feed.run(0, 60, lambda _, at: -at, symbols) < 1
    assert feed.run(60, 30, symbols=symbols) < 1
    assert feed.run(90, 30, lambda _, at: 90 - at, symbols) < 1


def test_clock_with_whole_seconds_is_not_lag() -> None:
    assert Feed().run(0, 60, lambda _, at: -(at % 1)) < 1.1


def test_clock_that_steps_every_second_is_not_lag() -> None:
    assert Feed().run(0, 120, lambda _, at: 12.0 * (int(at) % 2)) < 1


def test_symbols_with_different_clocks_are_compared_with_themselves() -> None:
    def ahead(symbol: str, _at: float) -> float:
        return 12.0 * SYMBOLS.index(symbol)

    feed = Feed()
    assert feed.run(0, 60, ahead) < 1
    with pytest.raises(FeedLagging):
        feed.run(60, 20, lambda symbol, at: ahead(symbol, at) - (at - 60) / 2)


@pytest.mark.parametrize("count", [2, 3])
def test_one_of_several_symbols_alone_is_not_lag(count: int) -> None:
    def ahead(symbol: str, at: float) -> float:
        # The clock of one symbol runs at half speed, as if its frames waited.
        return -at / 2 if symbol == SYMBOLS[0] else 0.0

    assert Feed().run(0, 60, ahead, SYMBOLS[:count]) < 1


@pytest.mark.parametrize("wrong", [-3600.0, -300.0, -7.0, 7.0, 3600.0, 1e9])
def test_one_wrong_time_is_not_lag(wrong: float) -> None:
    feed = Feed()
    feed.run(0, 10)
    assert feed.update(10 + wrong, 10) < 0.2
    assert feed.run(10.1, 30) < 0.2


def test_wrong_first_time_is_not_lag() -> None:
    feed = Feed()
    feed.update(1e9, 0)
    assert feed.run(0.1, 30) < 0.2


# The previous connection


def test_lag_from_the_start_is_detected_by_the_distance_of_the_previous_connection() -> None:
    memory = LagMemory()
    Feed(memory).run(0, 10)
    lagging = Feed(memory)
    lagging.answer(asked=11, read=19)
    with pytest.raises(FeedLagging):
        lagging.updates(12, late=8.0)


def test_step_of_a_clock_between_two_connections_is_not_lag() -> None:
    memory = LagMemory()
    Feed(memory).run(0, 10)
    following = Feed(memory)
    following.answer(asked=20, read=20.1)
    assert following.run(20.2, 30, lambda _symbol, _at: -12.0) < 1


def test_distance_of_an_earlier_connection_is_forgotten_after_minutes() -> None:
    memory = LagMemory()
    Feed(memory).run(0, 10)
    following = Feed(memory)
    following.answer(asked=1000, read=1003)
    assert following.run(1003, 30, lambda _symbol, _at: -3.0) < 1


def test_prompt_answer_limits_the_lag() -> None:
    feed = Feed()
    feed.run(0, 10)
    feed.answer(asked=29.9, read=30.0)
    # The clock steps back during 20 s of silence. Without the answer this would look like lag.
    assert feed.run(30.1, 30, lambda _symbol, _at: -12.0) < 1


# Silence and standstill


def at(seconds: float) -> Timestamp:
    return Timestamp(0, int(seconds * 1e9))


def test_watchdog_raises_after_seconds_without_a_frame() -> None:
    watchdog = Watchdog(silence=3.0, standstill=2.0)
    watchdog.begin(at(10))
    watchdog.tick(at(11))
    watchdog.on_frames(at(11.5))
    for now in (12, 13, 14, 14.4):
        watchdog.tick(at(now))
    assert watchdog.last_frame_at == at(11.5)
    with pytest.raises(FeedSilent, match="for 3 s"):
        watchdog.tick(at(14.5))


def test_watchdog_raises_at_the_first_frame_or_tick_after_a_standstill() -> None:
    for resume in (Watchdog.on_frames, Watchdog.tick):
        watchdog = Watchdog(standstill=2.0)
        watchdog.begin(at(10))
        watchdog.on_frames(at(12))
        with pytest.raises(FeedLagging, match=r"suspended for 2\.5 s"):
            resume(watchdog, at(12.5))
