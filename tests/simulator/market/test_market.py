"""The synthetic markets look like markets, and are the same for the same seed."""

from __future__ import annotations

import pytest

from simulator.market.catalogue import CATALOGUE, Profile, profile_of
from simulator.market.market import Market

MADE_UP = [profile_of(f"COIN{number}/USD") for number in range(12)]


@pytest.mark.parametrize(
    "profile", [*CATALOGUE.values(), *MADE_UP], ids=lambda profile: profile.symbol
)
def test_market_is_never_crossed_empty_or_out_of_bounds(profile: Profile) -> None:
    market = Market(profile, seed=3)
    for _ in range(1_000):
        market.move()
        bids, asks = market.bids, market.asks
        assert 1 <= len(bids.touched) + len(asks.touched) <= 10
        assert len(bids.keys) <= profile.levels
        assert len(asks.keys) <= profile.levels
        if not profile.may_empty:
            assert bids.keys
            assert asks.keys
        if bids.keys and asks.keys:
            assert -bids.keys[0] < asks.keys[0]
            assert -bids.keys[-1] >= 1
    for side in (bids, asks):
        assert list(side.keys) == sorted(side.lots)
        assert all(lots > 0 for lots in side.lots.values())


def test_mid_price_walks_and_stays_near_its_start() -> None:
    market = Market(CATALOGUE["SOL/USD"], seed=1)
    mids = set()
    for _ in range(20_000):
        market.move()
        mids.add((market.asks.keys[0] - market.bids.keys[0]) // 2)
    start = market.profile.price
    assert len(mids) > 20
    assert 0.95 * start < min(mids) < max(mids) < 1.05 * start


@pytest.mark.parametrize("symbol", ["PEPE/USD", "SHIB/USD"])
def test_quantities_of_meme_coins_exceed_exact_floats(symbol: str) -> None:
    market = Market(CATALOGUE[symbol], seed=1)
    huge = [lots for lots in market.asks.lots.values() if lots > 2**53]
    assert len(huge) > 10
    assert any(int(float(lots)) != lots for lots in huge)


def test_thin_market_has_four_levels_and_sometimes_an_empty_side() -> None:
    market = Market(CATALOGUE["MINA/GBP"], seed=1)
    moves = 5_000
    counts = []
    for _ in range(moves):
        market.move()
        counts += [len(market.bids.keys), len(market.asks.keys)]
    assert max(counts) == 4
    assert counts.count(4) > moves
    assert 1 <= counts.count(0) < moves / 50


def test_market_moves_follow_from_the_seed() -> None:
    def moves(seed: int) -> list[object]:
        market = Market(CATALOGUE["ETH/USD"], seed)
        made: list[object] = [market.asks.top(5)]
        for _ in range(50):
            market.move()
            made.append((market.bids.touched, market.asks.touched))
        return made

    assert moves(1) == moves(1)
    assert moves(1) != moves(2)


def test_made_up_profile_follows_from_its_symbol() -> None:
    assert profile_of("FOO/BAR") == profile_of("FOO/BAR")
    assert profile_of("FOO/BAR") != profile_of("BAR/FOO")


@pytest.mark.parametrize(
    "symbol", ["BTC-USD", "btc/usd", "BTC/", "/USD", "BTC/USD/EUR", "", "A B/C"]
)
def test_malformed_symbol_is_refused_with_the_right_form(symbol: str) -> None:
    with pytest.raises(ValueError, match=r"use BASE/QUOTE in capitals, such as BTC/USD"):
        profile_of(symbol)


def test_old_asset_name_is_refused_with_the_new_one() -> None:
    with pytest.raises(ValueError, match="use BTC/USD"):
        profile_of("XBT/USD")
