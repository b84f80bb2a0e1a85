"""Ages of books are never too low, even if Redis's clock steps."""

from __future__ import annotations

from api.store.confirmations import Confirmations

SECOND = 10**9
HOUR = 3600 * SECOND
NOON = 1_785_672_000 * SECOND
SYMBOL = "BTC/USD"


class Watched:
    """One book's reads; `steady` is the reader's clock, `step` the error of Redis's clock."""

    def __init__(self) -> None:
        self.confirmations = Confirmations()
        self.steady = 0.0
        self.step = 0

    @property
    def redis_now(self) -> int:
        return NOON + int(self.steady * SECOND) + self.step

    def read(self, confirmed_at: int | None) -> int | None:
        return self.confirmations.age_ms(SYMBOL, confirmed_at, self.redis_now, self.steady)


def test_age_is_the_clock_of_redis_minus_the_confirmation() -> None:
    assert Watched().read(NOON - 3 * SECOND) == 3000


def test_clock_step_back_makes_no_unconfirmed_book_younger() -> None:
    watched = Watched()
    confirmed_at = NOON - 2 * SECOND
    assert watched.read(confirmed_at) == 2000
    for step in (-HOUR, -SECOND, HOUR, 0):
        watched.step = step
        watched.steady += 10
        age_ms = watched.read(confirmed_at)
        assert age_ms is not None
        assert age_ms >= 2000 + watched.steady * 1000


def test_confirmation_in_the_future_has_no_age_for_a_new_reader() -> None:
    assert Watched().read(NOON + HOUR) is None
    assert Watched().read(NOON + 2 * SECOND) is None


def test_confirmation_slightly_ahead_has_age_zero() -> None:
    watched = Watched()
    assert watched.read(NOON + SECOND // 20) == 0
    watched.steady = 30.0
    assert watched.read(NOON + SECOND // 20) == 30_000


def test_age_counts_from_the_last_confirmation_after_one_in_the_future() -> None:
    watched = Watched()
    assert watched.read(NOON) == 0
    watched.steady = 1.0
    assert watched.read(NOON + HOUR) == 1000
    watched.steady = 60.0
    assert watched.read(NOON + HOUR) == 60_000


def test_age_counts_from_the_last_confirmation_after_an_invalid_one() -> None:
    watched = Watched()
    assert watched.read(None) is None
    assert watched.read(NOON) == 0
    watched.steady = 7.0
    assert watched.read(None) == 7000


def test_running_collector_is_accepted_soon_after_a_clock_step_back() -> None:
    watched = Watched()
    assert watched.read(watched.redis_now) == 0
    watched.step = -HOUR
    ages = []
    for _ in range(3):
        watched.steady += 1.0
        ages.append(watched.read(watched.redis_now))
    assert ages == [1000, 0, 0]


def test_old_book_of_a_restored_machine_is_rejected() -> None:
    watched = Watched()
    assert watched.read(NOON) == 0
    watched.step = -HOUR
    for _ in range(3):
        watched.steady += 20.0
        assert watched.read(NOON - HOUR) == watched.steady * 1000


def test_clock_step_forward_makes_books_old_until_confirmed_again() -> None:
    watched = Watched()
    assert watched.read(NOON) == 0
    watched.step = HOUR
    watched.steady = 1.0
    assert watched.read(NOON) == 3_601_000
    assert watched.read(watched.redis_now) == 0


def test_oldest_confirmations_are_evicted() -> None:
    confirmations = Confirmations(max_symbols=2)
    for symbol in ("A/USD", "B/USD", "C/USD"):
        assert confirmations.age_ms(symbol, NOON, NOON, 0.0) == 0
    # B counts from its first read. A was evicted, so its next read is a first one.
    assert confirmations.age_ms("B/USD", NOON, NOON, 9.0) == 9000
    assert confirmations.age_ms("A/USD", NOON, NOON, 9.0) == 0
