"""A client that applies all sent levels and truncates holds exactly the window, at any depth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.market.catalogue import CATALOGUE
from simulator.market.instrument import Level
from simulator.market.side import MarketSide
from simulator.protocols.kraken.feed import DEPTHS
from simulator.protocols.kraken.protocol import KrakenExchange
from simulator.protocols.kraken.window import visible
from simulator.wire import decimal_text
from tests.simulator.helpers import Inbox, NaiveBook, is_book, parse

_levels = st.tuples(st.integers(1, 40), st.integers(0, 5))
_frames = st.lists(st.lists(_levels, min_size=1, max_size=10), min_size=1, max_size=20)


def _play(side: MarketSide, frame: list[Level]) -> None:
    side.begin()
    for price, lots in frame:
        key = price * side.sign
        if lots:
            side.put(key, lots)
        elif key in side.lots:
            side.drop(key)


@pytest.mark.parametrize("sign", [1, -1])
@given(opening=st.lists(_levels, max_size=40), frames=_frames, depth=st.integers(1, 12))
def test_truncating_client_holds_the_window_after_any_frames(
    sign: int, opening: list[Level], frames: list[list[Level]], depth: int
) -> None:
    side = MarketSide(sign)
    _play(side, opening)
    client = dict(side.top(depth))
    for frame in frames:
        before = side.worst(depth)
        _play(side, frame)
        for price, lots in visible(side, before, depth):
            client[price] = lots
            if not lots:
                del client[price]
        client = dict(sorted(client.items(), key=lambda level: level[0] * sign)[:depth])
        assert list(client.items()) == side.top(depth)


def _side(*prices: int) -> MarketSide:
    side = MarketSide(1)
    for price in prices:
        side.put(price, 1)
    side.begin()
    return side


def test_level_pushed_out_is_not_deleted() -> None:
    side = _side(10, 20, 30)
    side.put(5, 7)
    assert visible(side, 20, 2) == [(5, 7)]


def test_level_that_enters_follows_the_removal() -> None:
    side = _side(10, 20, 30)
    side.drop(10)
    assert visible(side, 20, 2) == [(10, 0), (30, 1)]


def test_change_below_the_window_is_not_sent() -> None:
    side = _side(10, 20, 30, 40)
    side.put(30, 9)
    side.drop(40)
    side.put(50, 1)
    assert visible(side, 20, 2) == []


def test_level_pushed_out_by_its_own_frame_is_not_sent() -> None:
    side = _side(10, 20, 30)
    side.put(20, 9)
    side.put(5, 7)
    assert visible(side, 20, 2) == [(5, 7)]


def test_price_changed_twice_is_sent_twice() -> None:
    side = _side(10, 20)
    side.put(10, 2)
    side.put(10, 3)
    assert visible(side, None, 10) == [(10, 2), (10, 3)]


@pytest.mark.parametrize("symbol", CATALOGUE)
def test_every_market_keeps_a_naive_client_right_at_every_depth(symbol: str) -> None:
    # The naive book is slow at depth 1000; so many moves suffice to cross the window's edge often.
    moves = 120
    profile = CATALOGUE[symbol]
    exchange = KrakenExchange([profile])
    inboxes = {depth: Inbox() for depth in DEPTHS}
    clients = {depth: NaiveBook(depth) for depth in DEPTHS}
    for depth, inbox in inboxes.items():
        exchange.subscribe(symbol, depth, inbox, snapshot=True)
    while not exchange.admit():
        pass
    updates = dict.fromkeys(DEPTHS, 0)
    market = exchange.listing(symbol).market
    for _ in range(moves):
        exchange.advance(1)
        for depth, inbox in inboxes.items():
            for text in inbox.take():
                clients[depth].apply(text)
                updates[depth] += is_book(parse(text))
    for depth, client in clients.items():
        for side, held in ((market.bids, client.bids), (market.asks, client.asks)):
            assert list(held.values()) == [
                (
                    decimal_text(price, profile.price_precision),
                    decimal_text(lots, profile.qty_precision),
                )
                for price, lots in side.top(depth)
            ]
    assert updates[1000] == moves, "each move shows at the greatest depth"
    counts = list(updates.values())
    assert counts == sorted(counts), "a deeper window never sees less"
