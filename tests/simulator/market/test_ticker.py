"""The ticker makes the moves of a given schedule."""

from __future__ import annotations

import asyncio

import pytest

from simulator.market.ticker import Ticker


class Markets:
    """Markets that record the moves of a ticker."""

    def __init__(self, *, admitted: bool = True) -> None:
        self.admitted = admitted
        self.moved: list[str] = []
        self.moved_once = asyncio.Event()

    def admit(self, waited: float) -> bool:  # noqa: ARG002 - nobody waits here
        return self.admitted

    def move(self, symbol: str) -> None:
        self.moved.append(symbol)
        self.moved_once.set()


async def run_until(ticker: Ticker, event: asyncio.Event) -> None:
    task = asyncio.create_task(ticker.run())
    async with asyncio.timeout(5):
        await event.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_ticker_moves_in_order_and_stops_at_its_number() -> None:
    markets = Markets()
    ticker = Ticker(markets, iter([(0.0, "A"), (0.0, "B"), (0.0, "C")]), updates=2)
    await run_until(ticker, markets.moved_once)
    assert markets.moved == ["A", "B"]


async def test_ticker_waits_for_a_follower() -> None:
    markets = Markets(admitted=False)
    taken = []

    def schedule() -> object:
        taken.append(True)
        yield 0.0, "A"

    ticker = Ticker(markets, schedule(), updates=0)  # type: ignore[arg-type]
    task = asyncio.create_task(ticker.run())
    asyncio.get_running_loop().call_later(0.05, setattr, markets, "admitted", True)
    async with asyncio.timeout(5):
        while not markets.admitted:
            assert not taken
            assert not markets.moved
            await asyncio.sleep(0.005)
        await markets.moved_once.wait()
    task.cancel()


async def test_ticker_postpones_updates_that_are_far_too_late() -> None:
    markets = Markets()
    # Due a minute before the start: unless the schedule is postponed, B is due at once too.
    plan = [(-60.0, "A"), (-59.0, "B"), (60.0, "C")]
    ticker = Ticker(markets, iter(plan), updates=0)
    await run_until(ticker, markets.moved_once)
    assert markets.moved == ["A"]
