"""The promises of a turn and of a whole run: each is broken by the fault that it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.sse.account import Tally
from lab.sse.record import LIVE
from tools.soak.audit import StreamAudit
from tools.venues.audit import Calm, Turn, VenueAccount
from tools.venues.sampler import SampledVenue

QUIET = Calm(SampledVenue(samples=9, max_age=0.4))
TURN = Turn("binance", ("gap",), False, False, 2.5, 10, {"kraken": QUIET, "coinbase": QUIET})


def turn_with(calm: Calm, *, api_killed: bool = False) -> Turn:
    return replace(TURN, calm={"kraken": QUIET, "coinbase": calm}, api_killed=api_killed)


def test_turn_without_effect_on_other_venues_breaks_no_promise() -> None:
    assert TURN.broken == []
    assert turn_with(replace(QUIET, statuses=(LIVE,))).broken == []


def test_wrong_book_breaks_the_turn() -> None:
    assert replace(TURN, wrong=("binance:BTC/USDT is wrong",)).broken


@pytest.mark.parametrize(
    ("calm", "fault"),
    [
        (Calm(SampledVenue()), "no api listed its books"),
        (replace(QUIET, sampled=SampledVenue(9, 7.25)), "an age of 7.2 s"),
        (replace(QUIET, statuses=("live", "syncing: closed")), "the status syncing: closed"),
        (replace(QUIET, statuses=("stale: disconnected",)), "the status stale: disconnected"),
        (replace(QUIET, new_epochs=("coinbase:BTC/USD",)), "new epochs of coinbase:BTC/USD"),
        (replace(QUIET, resyncs=2), "2 resyncs and reconnects"),
    ],
)
def test_effect_on_another_venue_breaks_one_promise(calm: Calm, fault: str) -> None:
    (line,) = turn_with(calm).broken
    assert line.startswith("faults of binance disturbed coinbase: ")
    assert fault in line


def test_book_of_another_venue_that_is_not_live_breaks_a_promise() -> None:
    sampled = SampledVenue()
    live = {"symbol": "coinbase:BTC/USD", "status": "live", "age_ms": 120}
    sampled.add([live])
    sampled.add([live, {**live, "symbol": "coinbase:ETH/USD", "status": "stale"}])
    assert (sampled.samples, sampled.max_age) == (2, 0.12)
    (line,) = turn_with(Calm(sampled)).broken
    assert "coinbase:ETH/USD stale in 1 of 2 samples" in line


def test_readers_may_reconnect_after_the_kill_of_an_api_and_nothing_else() -> None:
    assert (
        turn_with(replace(QUIET, statuses=("stale: disconnected",)), api_killed=True).broken == []
    )
    stale = replace(QUIET, statuses=("stale: age", "stale: disconnected"))
    assert len(turn_with(stale, api_killed=True).broken) == 1


READ = Tally(events=5, conflated=2, uncounted=3)


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(VenueAccount(), id="readers got nothing"),
        pytest.param(VenueAccount(read=Tally(events=5, missed=1)), id="missed"),
        pytest.param(VenueAccount(read=Tally(events=5, unexplained=1)), id="not told"),
        pytest.param(VenueAccount(read=READ, published=9, found=8), id="lost update"),
        pytest.param(VenueAccount(read=READ, broken=["a reader ended"]), id="reader"),
        pytest.param(VenueAccount(StreamAudit(broken=["wrong"]), read=READ), id="stream"),
        pytest.param(VenueAccount(StreamAudit(numbers=9, events=8), read=READ), id="number"),
    ],
)
def test_account_names_its_only_fault(account: VenueAccount) -> None:
    assert len(list(account.broken_promises())) == 1


def test_account_of_a_good_run_breaks_no_promise() -> None:
    streams = StreamAudit(numbers=9, events=4, conflated=2, uncounted=3)
    assert list(VenueAccount(streams, READ, published=7, found=7).broken_promises()) == []


def test_events_that_redis_lost_with_its_data_break_no_promise() -> None:
    told = Tally(missed=4, unexplained=2)
    assert list(VenueAccount(read=READ + told, around_restarts=told).broken_promises()) == []
